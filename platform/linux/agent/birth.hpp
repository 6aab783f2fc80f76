// How the helper has a child born in a cgroup, and hands over what it had born: see order.hpp.
#pragma once

#include <linux/sched.h>

#include <cstdint>

#include "../descriptor_message.hpp"
#include "../order.hpp"
#include "../raw_syscall.hpp"

namespace treehold::inline v0::platform {

constexpr int child_signal = 17;  // SIGCHLD

/// A fork. The older call, which seccomp filters know: they answer ENOSYS to clone3 (Docker).
inline long clone_here(int& pidfd) {
  return raw_syscall(__NR_clone, CLONE_PIDFD | child_signal, 0, raw_syscall_of(&pidfd), 0, 0);
}

inline void block_all_signals() {
  constexpr unsigned long all = ~0UL;
  constexpr int set_mask = 2;  // SIG_SETMASK
  raw_syscall(__NR_rt_sigprocmask, set_mask, raw_syscall_of(&all), 0, sizeof all);
}

/// A fork that begins in `cgroup`: no process is moved between cgroups, which waits for a grace
/// period of the kernel.
inline long clone_into(std::int32_t cgroup, std::uint64_t flags, int& pidfd) {
  clone_args arguments{};
  arguments.flags = flags | CLONE_PIDFD | CLONE_INTO_CGROUP;
  arguments.exit_signal = (flags & CLONE_PARENT) != 0 ? 0 : child_signal;  // the parent's then
  arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  arguments.cgroup = static_cast<std::uint64_t>(cgroup);
  return raw_syscall(__NR_clone3, raw_syscall_of(&arguments), sizeof arguments);
}

/// `child`: what the clone said; `pidfd`: what it wrote there.
inline void tell_birth(int socket, long child, int pidfd) {
  AgentBirth birth;
  birth.pid = child > 0 ? static_cast<std::int32_t>(child) : -1;
  birth.error = child > 0 ? 0 : static_cast<std::int32_t>(-child);
  DescriptorMessage message(birth);
  // A clone that failed may have written a number all the same (Linux 6.1).
  message.pass(&pidfd, child > 0 ? 1 : 0);
  raw_syscall(__NR_sendmsg, socket, raw_syscall_of(message.header()), MSG_NOSIGNAL);
}

}  // namespace treehold::inline v0::platform
