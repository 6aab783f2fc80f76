#include "platform/linux/clone.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/cgroup_dir.hpp"

extern "C" long treehold_raw_clone(long number, long a, long b, long c, long d, long e);

namespace treehold::inline v0::platform {
namespace {

constexpr std::uint64_t clone_into_cgroup = 0x200000000ULL;  // CLONE_INTO_CGROUP, Linux 5.7

/// Keeps every signal away while it lives, also the two that libc reserves for itself and leaves
/// open in its own masks: a handler of the host must not run in a child that shares its memory.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    const std::uint64_t all = ~std::uint64_t{0};
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old_, sizeof all);
  }
  ~AllSignalsBlocked() { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old_, nullptr, sizeof old_); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  std::uint64_t old_ = 0;
};

}  // namespace

Cloned clone_sharing_memory(ChildStack& stack, ChildEntry entry, void* argument, Waiting waiting,
                            const CgroupDir* cgroup) {
  stack.prepare(entry, argument);
  int pidfd = -1;
  const std::uint64_t flags = CLONE_VM | CLONE_PIDFD | static_cast<std::uint64_t>(waiting);
  long result = 0;
  {
    const AllSignalsBlocked blocked;
    if (cgroup != nullptr) {
      clone_args arguments{};
      arguments.flags = flags | clone_into_cgroup;
      arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
      arguments.exit_signal = SIGCHLD;
      arguments.stack = reinterpret_cast<std::uintptr_t>(stack.bottom());
      arguments.stack_size = reinterpret_cast<std::uintptr_t>(stack.top()) - arguments.stack;
      arguments.cgroup = static_cast<std::uint64_t>(cgroup->fd());
      result = treehold_raw_clone(SYS_clone3, reinterpret_cast<long>(&arguments), sizeof arguments,
                                  0, 0, 0);
    } else {
      // The older call, which seccomp filters know: they answer ENOSYS to clone3 (Docker).
      result = treehold_raw_clone(SYS_clone, static_cast<long>(flags | SIGCHLD),
                                  reinterpret_cast<long>(stack.top()),
                                  reinterpret_cast<long>(&pidfd), 0, 0);
    }
  }
  if (result < 0) {
    errno = static_cast<int>(-result);
    return {};
  }
  return {static_cast<pid_t>(result), UniqueFd(pidfd)};
}

void reap(const Cloned& child) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED) != 0 &&
         errno == EINTR) {
  }
}

}  // namespace treehold::inline v0::platform
