// Many commands, of which only so many run at a time.
//
// What begins a run is the end of another: nothing is kept waiting in a thread or polled. Whoever
// wants results waits for them with `when`; see `async_result`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include <treehold/many.hpp>

#include "platform/platform.hpp"
#include "src/async_result.hpp"
#include "src/execution.hpp"
#include "src/group_core.hpp"
#include "src/waiters.hpp"

namespace treehold::inline v0 {

/// Lives on an executor that runs one thing at a time. What is pending of its runs holds it, and it
/// does not hold them.
class RunQueue : public std::enable_shared_from_this<RunQueue> {
 public:
  /// Private runs where there is no group. Throws `InvalidSetting` when `concurrency` is 0.
  RunQueue(platform::Executor executor, std::vector<Command> commands, std::size_t concurrency,
           std::shared_ptr<GroupCore> group);

  /// Starts as many as may live.
  void begin();

  /// Cancels what is alive, as the cancellation of each run asks for, and starts none of the rest,
  /// whose results are `Cancelled`.
  void cancel();
  [[nodiscard]] bool cancelled() const noexcept { return cancelled_; }

  /// Kills what is alive and forgets the rest.
  void end();

  /// Whether no run is alive and none is to come.
  [[nodiscard]] bool over() const noexcept { return living_.empty() && next_ == commands_.size(); }

  /// Whether there is something to take, which may be the end.
  [[nodiscard]] bool ready() const noexcept { return over() || !ended_.empty(); }

  /// The result of the run that ended next; nothing when all have been taken.
  [[nodiscard]] std::optional<Completed> take();

  /// All results in the order of the commands, of a queue that is over and from which none was
  /// taken.
  [[nodiscard]] std::vector<OutputResult> take_all();

  /// Completes with what `take` and `take_all` return when it is there.
  GiveUp async_next(Completion<std::optional<Completed>> handler);
  void async_all(Completion<std::vector<OutputResult>> handler);

  [[nodiscard]] const platform::Executor& executor() const noexcept { return executor_; }

  /// For `async_result`.
  void when(const std::shared_ptr<Waiter>& waiter) { (void)waiters_.add(waiter); }
  void abandon(const std::shared_ptr<Waiter>& waiter) { waiters_.abandon(waiter); }

 private:
  void start_more();
  void start(std::size_t index);
  void ended(std::size_t index, OutputResult result);

  const platform::Executor executor_;
  const std::vector<Command> commands_;
  const std::size_t concurrency_;
  const std::shared_ptr<GroupCore> group_;
  std::size_t next_ = 0;                                    ///< to be started
  std::map<std::size_t, std::weak_ptr<Execution>> living_;  ///< by the index of the command
  std::deque<Completed> ended_;                             ///< and not taken
  bool cancelled_ = false;
  Waiters waiters_;
};

}  // namespace treehold::inline v0
