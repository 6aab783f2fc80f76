// The host's side of a keeper: a process that is the parent of one leader and of all that is
// orphaned below it. What it does is in linux/agent/keeper.hpp and in posix/reaper/keep.hpp.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>

#include "platform/platform.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

/// Thread safe.
class Keeper {
 public:
  /// A child of ours, and what tells its end; `socket`: of which it has the other end.
  Keeper(pid_t pid, UniqueFd end_notice, UniqueFd socket);

  [[nodiscard]] pid_t pid() const noexcept { return process_.pid(); }
  [[nodiscard]] int end_notice() const noexcept { return process_.end_notice(); }

  /// Asks it to end the tree. To be repeated: somebody may have stopped it.
  void end_tree() noexcept;

  /// Whether nobody is left in the tree, by its word.
  [[nodiscard]] bool tree_ended() const noexcept;

  /// Whether it has ended; then it can be reaped.
  [[nodiscard]] bool has_ended() const noexcept { return process_.has_ended(); }
  bool reap() noexcept { return process_.reap(); }

  /// After its last word it ends within microseconds. False when somebody keeps it from that.
  [[nodiscard]] bool wait_for_end() const noexcept;

  /// Whether it has ended without that word: a member has killed it, and whoever was orphaned is
  /// out of reach.
  [[nodiscard]] bool lost() const noexcept;

  /// How the leader ended; nothing as long as it has not been told.
  [[nodiscard]] std::optional<ExitStatus> leader_status() const;

  /// See `Leader::disown`.
  void disown() noexcept { process_.disown(); }

 private:
  void read_news() const noexcept;

  OwnChild process_;
  const UniqueFd socket_;
  mutable std::mutex mutex_;
  mutable bool tree_ended_ = false;
  mutable std::optional<ExitStatus> leader_status_;
};

/// The child of a keeper.
class KeptLeader final : public Leader {
 public:
  /// `end_notice`: see `Leader`.
  KeptLeader(pid_t pid, UniqueFd end_notice, std::shared_ptr<Keeper> keeper);

  Peek peek(ExitStatus& status) const override;
  [[nodiscard]] bool will_be_told() const override { return !keeper_->has_ended(); }
  [[nodiscard]] ExitStatus status_of_zombie() const override;
  bool reap() noexcept override { return true; }
  [[nodiscard]] bool pins_number() const noexcept override;
  bool send(int native_signal) const noexcept override;
  void disown() noexcept override;

 private:
  const std::shared_ptr<Keeper> keeper_;
};

}  // namespace treehold::inline v0::platform
