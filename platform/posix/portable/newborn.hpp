// A start by fork(2): what is prepared in the host, the fork itself, and how the child is held.
#pragma once

#include <signal.h>
#include <unistd.h>

#include <vector>

#include "platform/posix/child_pipes.hpp"
#include "platform/posix/portable/become.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

/// All that a child needs to become the program. It refers to the plan.
class Preparation {
 public:
  /// The host's ends of the pipes go to `host`. Throws `SpawnFailed` (`launch`) and, for what this
  /// system has not, `Unsupported`.
  Preparation(const SpawnPlan& plan, HostEnds& host);
  Preparation(const Preparation&) = delete;
  Preparation& operator=(const Preparation&) = delete;

  Becoming becoming;

 private:
  ChildEnds ends_;
  std::vector<const char*> argv_;
  std::vector<const char*> environment_;
};

/// Blocks all signals of this thread: a handler of the host must not run in the child.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

/// A child that does `work`, which never returns, with all signals blocked. -1 with errno.
template <class Work>
[[nodiscard]] pid_t fork_to(const Work& work) noexcept {
  const AllSignalsBlocked blocked;
  const pid_t child = ::fork();
  if (child == 0) {
    work();
  }
  return child;
}

/// Throws what a failed fork is: `ProcessLimitReached` or `SpawnFailed` (`launch`).
[[noreturn]] void fail_fork(int error);

/// A descriptor that becomes readable when the child ends. Throws `SpawnFailed` (`launch`); the
/// child is ended and reaped then.
[[nodiscard]] UniqueFd hold_child(pid_t child);

}  // namespace treehold::inline v0::platform
