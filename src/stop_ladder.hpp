// Ending a tree, step by step: soft signal, grace, kill, removal. The one way in which treehold
// signals and ends trees, for leaves and groups, on every mechanism and in both forms.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include <boost/asio/steady_timer.hpp>

#include <treehold/outcome.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {

using Clock = std::chrono::steady_clock;

/// Waits for something to be true of a tree: asks at every notice of the tree, and on a timer whose
/// pauses grow with what has been waited already, since notices are late (10 ms) or missing.
class TreeWait : public std::enable_shared_from_this<TreeWait> {
 public:
  TreeWait(const platform::Executor& executor, std::shared_ptr<platform::Tree> tree,
           std::function<bool()> condition, std::optional<Clock::time_point> deadline);

  /// Completes with true when the condition holds, false when the deadline passed before.
  void start(platform::Handler<bool> handler);

  /// Completes at once with what the condition says then.
  void cut_short();

 private:
  [[nodiscard]] Clock::duration pause(Clock::duration asking, Clock::duration waited) const;
  void ask();
  void listen();
  void complete(bool holds);

  const std::shared_ptr<platform::Tree> tree_;
  const std::function<bool()> condition_;
  const std::optional<Clock::time_point> deadline_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<platform::ChangeWatch> watch_;
  const Clock::time_point begin_ = Clock::now();
  std::optional<platform::Handler<bool>> handler_;
};

struct StopPlan {
  std::optional<int> soft_signal;  ///< the system's number; none: kill at once
  std::chrono::nanoseconds grace{0};
  std::chrono::nanoseconds bound = std::chrono::seconds(5);
};

/// The report, of a tree that is gone. Throws `TeardownUnconfirmed` of one that is not, and
/// `ContainmentLost` of one that was not all of it.
[[nodiscard]] StopReport require_confirmed(StopReport report);

/// For destructors in a host that has neither memory nor a descriptor left to wait on: kills, and
/// looks again and again until the tree is removed or the bound of a `StopPlan` has passed.
void end_without_waiting(platform::Tree& tree) noexcept;

class StopLadder : public std::enable_shared_from_this<StopLadder> {
 public:
  StopLadder(const platform::Executor& executor, std::shared_ptr<platform::Tree> tree,
             const StopPlan& plan);

  /// Completes when the tree is removed or the bound has passed; the report tells which.
  void start(platform::Handler<StopReport> handler);

  /// Ends the grace now, or as soon as it begins.
  void kill_now();

 private:
  void wait_for_grace();
  void kill();
  void finish(bool removed);
  void wait(std::function<bool()> condition, Clock::time_point deadline,
            void (StopLadder::*next)(bool));
  void drained(bool empty);

  const platform::Executor executor_;
  const std::shared_ptr<platform::Tree> tree_;
  const StopPlan plan_;
  const Clock::time_point begin_ = Clock::now();
  std::weak_ptr<TreeWait> waiting_;  // weak: it holds this, and what is pending holds it
  bool in_grace_ = false;
  bool hurried_ = false;
  StopReport report_;
  std::optional<platform::Handler<StopReport>> handler_;
};

/// Sends a signal (the system's number) to every member: freezes the tree, where that is invisible,
/// so that none is missed, and thaws it again unless `keep_frozen`. Completes with whom it reached.
enum class AfterSignal { thaw, keep_frozen };
void async_signal(const platform::Executor& executor, const std::shared_ptr<platform::Tree>& tree,
                  int native_signal, AfterSignal after,
                  platform::Handler<platform::Delivery> handler);

}  // namespace treehold::inline v0
