// The leader of a start: its notices and its exit status.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <utility>

#include "platform/platform.hpp"
#include "platform/posix/child_pipes.hpp"
#include "platform/posix/system.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

/// A child of this process (own_child.hpp), or of a process of ours (keeper.hpp). Thread
/// safe.
class Leader {
 public:
  virtual ~Leader() = default;
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }

  /// A descriptor that becomes readable when all its threads have ended (Linux: its pidfd).
  [[nodiscard]] int end_notice() const noexcept { return end_notice_.get(); }

  enum class Peek {
    running,  ///< not yet ended, or ended and held by a tracer, or not told yet
    ended,    ///< `status` tells
    untold,   ///< ended; nobody tells (yet) how: somebody else reaped it
  };

  /// Asks for the exit status and leaves it to be asked again.
  virtual Peek peek(ExitStatus& status) const = 0;

  /// Whether somebody lives who is yet to tell of its end, however busy the machine.
  [[nodiscard]] virtual bool will_be_told() const = 0;

  /// What can be said when neither waiting nor the kernel's own memory tells: reads the zombie's
  /// own record, which needs no reaping; unknown when there is none.
  [[nodiscard]] virtual ExitStatus status_of_zombie() const = 0;

  /// Takes the exit status, so that no zombie is left. True when it is gone, or another's to reap.
  virtual bool reap() noexcept = 0;

  /// Whether all its threads have ended; also of one whose status a tracer keeps from us.
  [[nodiscard]] bool has_ended() const noexcept;

  /// Whether it still is a process or zombie of ours, so that its number cannot be anybody else's.
  [[nodiscard]] virtual bool pins_number() const noexcept = 0;

  /// Sends a signal to the leader alone. False when it has ended.
  virtual bool send(int native_signal) const noexcept;

  /// The child has executed its program, or has ended: it uses our memory no more.
  void let_go_of_memory() noexcept;

  /// Forgets the process without reaping: it is not ours (a fork of the host).
  virtual void disown() noexcept = 0;

 protected:
  explicit Leader(pid_t pid) noexcept : pid_(pid) {}

  /// `shared_memory`: what it uses of ours until its exec.
  void hold(UniqueFd end_notice, std::shared_ptr<const void> shared_memory) noexcept {
    end_notice_ = std::move(end_notice);
    shared_memory_ = std::move(shared_memory);
  }

  [[nodiscard]] ChildHandle handle() const noexcept { return {pid_, end_notice_.get()}; }

  /// What some kernels keep when somebody else has reaped it.
  Peek peek_at_kernel(ExitStatus& status) const;

  const pid_t pid_;
  UniqueFd end_notice_;
  std::shared_ptr<const void> shared_memory_;
  mutable std::mutex mutex_;
};

/// Notices of a started `leader`, and the host's ends of its pipes, taken over by Asio.
[[nodiscard]] Launched hand_over(HostEnds& ends, std::shared_ptr<Leader> leader,
                                 const Executor& executor);

}  // namespace treehold::inline v0::platform
