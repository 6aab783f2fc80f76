// The leader of a start: one process by its pidfd, its notices and its exit status.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

struct Spawned;

/// A child of this process (own_child.hpp) or of a keeper (keeper.hpp), held by a pidfd. Thread
/// safe.
class Leader {
 public:
  virtual ~Leader() = default;
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  enum class Peek {
    running,  ///< not yet ended, or ended and held by a tracer, or not told yet
    ended,    ///< `status` tells
    untold,   ///< ended; nobody tells (yet) how: somebody else reaped it
  };

  /// Asks for the exit status and leaves it to be asked again.
  virtual Peek peek(ExitStatus& status) const = 0;

  /// Whether somebody lives who is yet to tell of its end, however busy the machine.
  [[nodiscard]] virtual bool will_be_told() const = 0;

  /// What can be said when neither waiting nor the pidfd tells: reads the zombie's own record,
  /// which needs no reaping; unknown when there is none.
  [[nodiscard]] virtual ExitStatus status_of_zombie() const = 0;

  /// Takes the exit status, so that no zombie is left. True when it is gone, or another's to reap.
  virtual bool reap() noexcept = 0;

  /// Whether all its threads have ended; also of one whose status a tracer keeps from us.
  [[nodiscard]] bool has_ended() const noexcept;

  /// Whether it still is a process or zombie of ours, so that its number cannot be anybody else's.
  [[nodiscard]] virtual bool pins_number() const noexcept = 0;

  /// Sends a signal to the leader alone. False when it has ended.
  bool send(int native_signal) const noexcept;

  /// The child has executed its program, or has ended: it uses our memory no more.
  void let_go_of_memory() noexcept;

  /// Forgets the process without reaping: it is not ours (a fork of the host).
  virtual void disown() noexcept = 0;

 protected:
  explicit Leader(pid_t pid) noexcept : pid_(pid) {}

  /// `shared_memory`: what it uses of ours until its exec.
  void hold(UniqueFd pidfd, std::shared_ptr<const void> shared_memory) noexcept {
    pidfd_ = std::move(pidfd);
    shared_memory_ = std::move(shared_memory);
  }

  /// What newer kernels keep when somebody else has reaped it.
  Peek peek_at_kernel(ExitStatus& status) const;

  const pid_t pid_;
  UniqueFd pidfd_;
  std::shared_ptr<const void> shared_memory_;
  mutable std::mutex mutex_;
};

/// Takes over who was spawned.
[[nodiscard]] std::shared_ptr<Leader> make_leader(Spawned& spawned);

/// Notices of a started `leader`, and the host's ends of its pipes, taken over by Asio.
[[nodiscard]] Launched hand_over(Spawned& spawned, std::shared_ptr<Leader> leader,
                                 const Executor& executor);

/// Whether the kernel reaps children of this process by itself (SIGCHLD is ignored, sigaction(2)):
/// a leader whose exit status is to be told needs another parent.
[[nodiscard]] bool exit_statuses_are_discarded() noexcept;

/// Whether a leader's exit status is kept for us here.
[[nodiscard]] Guarantee exit_status_guarantee();

}  // namespace treehold::inline v0::platform
