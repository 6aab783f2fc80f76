// What a `ProcessGroup` is inside: its container, its leaves, and the states that decide whether a
// start is let in. Private runs use one of these as well, a group of the process that the user
// never sees.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include <treehold/process_group.hpp>

#include "platform/platform.hpp"
#include "src/gate.hpp"
#include "src/plan.hpp"
#include "src/stop_ladder.hpp"

namespace treehold::inline v0 {

/// A leaf with its started leader.
struct StartedLeaf {
  std::shared_ptr<platform::Leaf> leaf;
  platform::Launched launched;
};

/// Throws `InvalidSetting`.
void require_interval(std::chrono::nanoseconds interval);

/// All members may be called from any thread.
class GroupCore : public std::enable_shared_from_this<GroupCore> {
 public:
  /// Throws `Unsupported`, `LimitRefused`, `InvalidSetting` (TREEHOLD_MECHANISM names none).
  explicit GroupCore(const GroupOptions& options);

  /// Kills what is left, within the teardown bound; in a fork only forgets.
  ~GroupCore();
  GroupCore(const GroupCore&) = delete;
  GroupCore& operator=(const GroupCore&) = delete;

  /// The group of this process's private runs.
  [[nodiscard]] static std::shared_ptr<GroupCore> of_private_runs();

  /// Throws `NotOwner` in a fork of the process that made this.
  void require_owner(const char* handle) const;
  [[nodiscard]] bool is_owner() const noexcept;

  [[nodiscard]] platform::Group& container() const noexcept { return *container_; }
  [[nodiscard]] const GroupOptions& options() const noexcept { return options_; }

  /// As the members of `ProcessGroup`.
  [[nodiscard]] Limits limits() const;
  void update_limits(const Limits& limits);
  [[nodiscard]] LimitEvidence evidence() const;

  /// Throws `GroupSuspended`, `GroupClosed`, `SpawnFailed`. Never blocks on a suspended group.
  [[nodiscard]] StartedLeaf start(const std::shared_ptr<const SpawnPlan>& plan,
                                  const platform::Executor& executor);

  /// The run of this leaf is over; it is removed as soon as it is empty.
  void leave(const std::shared_ptr<platform::Leaf>& leaf) noexcept;

  /// As the members of `ProcessGroup`. These complete on `executor`.
  void async_signal(const platform::Executor& executor, int native_signal,
                    platform::Handler<std::size_t> handler);
  void async_suspend(const platform::Executor& executor, platform::Handler<bool> handler);
  void resume();
  void async_kill(const platform::Executor& executor, platform::Handler<StopReport> handler);
  void async_stop(const platform::Executor& executor, std::chrono::nanoseconds grace,
                  platform::Handler<StopReport> handler);
  /// Closes, kills and removes: what destroying the group does.
  void async_end(const platform::Executor& executor, platform::Handler<StopReport> handler);
  /// The result can be cut short.
  std::weak_ptr<TreeWait> async_wait_empty(const platform::Executor& executor,
                                           std::optional<std::chrono::nanoseconds> bound,
                                           platform::Handler<bool> handler);
  /// The same. Completes with nothing when there is no member to begin with.
  std::weak_ptr<TreeWait> async_sample(const platform::Executor& executor,
                                       std::chrono::nanoseconds interval,
                                       platform::Handler<std::optional<Statistics>> handler);

 private:
  void sweep_left_leaves();

  const GroupOptions options_;  ///< `limits`: those at the beginning
  const std::uint64_t owner_;
  const std::shared_ptr<platform::Group> container_;

  // Starts hold it shared from their first look at the states until the child is in its leaf, so
  // that none is in between when the group is frozen or killed.
  mutable Gate gate_;
  bool suspended_ = false;
  bool closed_ = false;

  mutable std::mutex limits_mutex_;
  Limits limits_;

  std::mutex leaves_mutex_;
  std::vector<std::shared_ptr<platform::Leaf>> leaves_;  ///< with a run
  std::vector<std::shared_ptr<platform::Leaf>> left_;    ///< without one, but not yet empty
};

}  // namespace treehold::inline v0
