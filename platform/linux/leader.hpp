// The leader of a start: one process by its pidfd, its notices and its exit status.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>

#include "platform/platform.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

struct Spawned;

/// A child of this process, held by a pidfd, from its birth until it is reaped. Thread safe.
class Leader {
 public:
  /// Takes the pidfd, and the memory that the child shares until its exec.
  explicit Leader(Spawned& spawned);

  /// Reaps, or hands the zombie to those tried again at later starts when a tracer still holds it.
  ~Leader();
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  enum class Peek {
    running,  ///< not yet ended, or ended and held by a tracer
    ended,    ///< `status` tells
    untold,   ///< ended; the kernel does not tell (yet) how: somebody else reaped it
  };

  /// Asks for the exit status and leaves it to be asked again.
  Peek peek(ExitStatus& status) const;

  /// What can be said when neither waiting nor the pidfd tells: reads the zombie's own record,
  /// which needs no reaping; unknown when there is none.
  [[nodiscard]] ExitStatus status_of_zombie() const;

  /// Takes the exit status, so that no zombie is left. True when it is gone.
  bool reap() noexcept;

  /// Whether all its threads have ended; also of one whose status a tracer keeps from us.
  [[nodiscard]] bool has_ended() const noexcept;

  /// Whether it still is a process or zombie of ours, so that its number cannot be anybody else's.
  [[nodiscard]] bool pins_number() const noexcept;

  /// Sends a signal to the leader alone. False when it has ended.
  bool send(int native_signal) const noexcept;

  /// The child has executed its program, or has ended: it uses our memory no more.
  void let_go_of_memory() noexcept;

  /// Forgets the process without reaping: it is not ours (a fork of the host).
  void disown() noexcept;

 private:
  const pid_t pid_;
  UniqueFd pidfd_;
  std::shared_ptr<const void> shared_memory_;
  mutable std::mutex mutex_;
  bool reaped_ = false;
};

/// Notices of a started `leader`, and the host's ends of its pipes, taken over by Asio.
[[nodiscard]] Launched hand_over(Spawned& spawned, std::shared_ptr<Leader> leader,
                                 const Executor& executor);

/// Whether a leader's exit status is kept for us here.
[[nodiscard]] Guarantee exit_status_guarantee();

/// Leaves the children that are no leaders: the exit status of a leader is for its own run to read.
void leave_out_leaders(std::vector<pid_t>& children);

/// Reaps the zombies of leaders that a tracer held when they were let go. Called at each start.
void reap_leftovers() noexcept;

}  // namespace treehold::inline v0::platform
