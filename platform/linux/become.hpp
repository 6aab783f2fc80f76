// The steps from a newborn child to the program: what the plan asks for, one system call after the
// other.
//
// They run in two carriers (docs/spawn.md): in the helper program, and in a child that still shares
// the host's memory. NO malloc, no libc, no thread-local storage, no static data, no return: a step
// succeeds or the child reports and ends.
#pragma once

#include <fcntl.h>
#include <linux/prctl.h>

#include <cstddef>
#include <cstdint>

#include "../posix/child_steps.hpp"
#include "descriptor_message.hpp"
#include "order.hpp"
#include "raw_syscall.hpp"

namespace treehold::inline v0::platform {

/// An order with the texts and lists that belong to it.
struct Becoming {
  LaunchOrder order;
  const char* directory = nullptr;        ///< null or empty: as it is
  const char* files[3] = {};              ///< for the streams that lead to files
  const std::uint32_t* groups = nullptr;  ///< supplementary groups
  std::size_t group_count = 0;
  const unsigned char* cpus = nullptr;  ///< mask as sched_setaffinity(2) takes it
  std::size_t cpu_bytes = 0;
  const char* program = nullptr;
  const char* const* argv = nullptr;
  const char* const* environment = nullptr;
};

namespace becoming {

struct KernelSigaction {
  void* handler;
  unsigned long flags;
  void* restorer;
  unsigned long mask;
};

[[noreturn]] inline void leave(int status) {
  for (;;) {
    raw_syscall(__NR_exit_group, status);
  }
}

/// The system calls of ChildSteps.
struct RawCalls {
  [[noreturn]] static void leave(int status) { becoming::leave(status); }
  static long write(int file, const void* bytes, std::size_t size) {
    return raw_syscall(__NR_write, file, raw_syscall_of(bytes), static_cast<long>(size));
  }
  static long open(const char* path, int flags) {
    constexpr int mode = 0666;
    return raw_syscall(__NR_openat, AT_FDCWD, raw_syscall_of(path), flags, mode);
  }
  static long duplicate(int file, int place) { return raw_syscall(__NR_dup3, file, place, 0); }
  static long new_session() { return raw_syscall(__NR_setsid); }
  static long new_process_group() { return raw_syscall(__NR_setpgid, 0, 0); }
  static long limit_resource(const ChildLimit& limit) {
    return raw_syscall(__NR_prlimit64, 0, limit.resource, raw_syscall_of(&limit.soft), 0);
  }
  static long set_priority(int nice) { return raw_syscall(__NR_setpriority, 0, 0, nice); }
  static void set_umask(std::uint32_t mask) { raw_syscall(__NR_umask, mask); }
  static long set_groups(std::size_t count, const std::uint32_t* groups) {
    return raw_syscall(__NR_setgroups, static_cast<long>(count), raw_syscall_of(groups));
  }
  static long set_group(std::uint32_t group) {
    return raw_syscall(__NR_setresgid, group, group, group);
  }
  static long set_user(std::uint32_t user) { return raw_syscall(__NR_setresuid, user, user, user); }
  static long change_directory(const char* path) {
    return raw_syscall(__NR_chdir, raw_syscall_of(path));
  }
};

/// Passes a result through, or ends the child when it is an error.
inline long must(const LaunchOrder& order, ChildStage stage, long result) {
  return ChildSteps<RawCalls>(order).must(stage, result);
}

/// Joining is never refused for the number of processes; being born would be.
inline void require_room(const LaunchOrder& order) {
  char digits[24];
  const long count = must(
      order, ChildStage::container,
      raw_syscall(__NR_pread64, order.process_count, raw_syscall_of(digits), sizeof digits, 0));
  std::uint64_t processes = 0;
  for (long i = 0; i < count && digits[i] >= '0' && digits[i] <= '9'; ++i) {
    processes = processes * 10 + static_cast<std::uint64_t>(digits[i] - '0');
  }
  if (processes > order.most_processes) {
    constexpr long refused = -11;  // EAGAIN
    must(order, ChildStage::container, refused);
  }
}

inline void join_containers(const LaunchOrder& order) {
  for (std::uint32_t i = 0; i < order.entrance_count && i < agent_entrances; ++i) {
    must(order, ChildStage::container,
         raw_syscall(__NR_write, order.entrances[i], raw_syscall_of("0"), 1));
  }
  if (order.process_count >= 0) {
    require_room(order);
  }
}

/// Only in memory of its own: the kernel sets it for all that share memory.
inline void set_oom_score(const LaunchOrder& order) {
  if (order.set_oom_score == 0) {
    return;
  }
  char digits[8];
  int at = sizeof digits;
  const bool negative = order.oom_score < 0;
  auto rest = static_cast<unsigned>(negative ? -order.oom_score : order.oom_score);
  do {
    digits[--at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  } while (rest != 0);
  if (negative) {
    digits[--at] = '-';
  }
  const long file = must(
      order, ChildStage::oom_score,
      raw_syscall(__NR_openat, AT_FDCWD, raw_syscall_of("/proc/self/oom_score_adj"), O_WRONLY));
  must(order, ChildStage::oom_score,
       raw_syscall(__NR_write, file, raw_syscall_of(digits + at),
                   static_cast<long>(sizeof digits) - at));
  raw_syscall(__NR_close, file);
}

/// Lets the guardian know the process group that this process leads. There may be none any more:
/// the host tells its successor.
inline void tell_guardian(const LaunchOrder& order) {
  if (order.guardian < 0) {
    return;
  }
  GuardMessage message{};
  message.verb = GuardVerb::lead;
  message.serial = order.guarded_as;
  message.number = static_cast<std::int32_t>(raw_syscall(__NR_getpid));
  const int pidfd = static_cast<int>(raw_syscall(__NR_pidfd_open, message.number, 0));
  DescriptorMessage envelope(message);
  envelope.pass(&pidfd, pidfd >= 0 ? 1 : 0);
  raw_syscall(__NR_sendmsg, order.guardian, raw_syscall_of(envelope.header()), MSG_NOSIGNAL);
  raw_syscall(__NR_close, pidfd);
}

inline void set_affinity(const Becoming& self) {
  if (self.cpu_bytes != 0) {
    must(self.order, ChildStage::affinity,
         raw_syscall(__NR_sched_setaffinity, 0, static_cast<long>(self.cpu_bytes),
                     raw_syscall_of(self.cpus)));
  }
}

inline void give_up_new_privileges(const LaunchOrder& order) {
  if (order.no_new_privileges != 0) {
    must(order, ChildStage::credentials, raw_syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  }
}

/// Default dispositions and an empty mask, whatever the host ignores or blocks.
inline void reset_signals() {
  constexpr long signal_set_size = 8;
  constexpr int signal_count = 64;
  constexpr int set_mask = 2;  // SIG_SETMASK
  const KernelSigaction standard{};
  for (int signal = 1; signal <= signal_count; ++signal) {
    raw_syscall(__NR_rt_sigaction, signal, raw_syscall_of(&standard), 0, signal_set_size);
  }
  const unsigned long none = 0;
  raw_syscall(__NR_rt_sigprocmask, set_mask, raw_syscall_of(&none), 0, signal_set_size);
}

}  // namespace becoming

/// Becomes the program.
[[noreturn]] inline void become(const Becoming& self) {
  using namespace becoming;
  constexpr unsigned close_range_cloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  const LaunchOrder& order = self.order;
  const ChildSteps<RawCalls> steps(order);
  join_containers(order);
  set_oom_score(order);
  steps.open_session();
  tell_guardian(order);
  steps.wire(self.files);
  steps.limit_resources();
  steps.set_priority();
  set_affinity(self);
  steps.set_umask();
  steps.change_credentials(self.groups, self.group_count);
  give_up_new_privileges(order);
  // After the credentials: a directory that only the new user may enter, and none that he may not.
  steps.enter(self.directory);
  must(order, ChildStage::execute, raw_syscall(__NR_close_range, 3, ~0U, close_range_cloexec));
  reset_signals();
  must(order, ChildStage::execute,
       raw_syscall(__NR_execve, raw_syscall_of(self.program), raw_syscall_of(self.argv),
                   raw_syscall_of(self.environment)));
  leave(127);
}

}  // namespace treehold::inline v0::platform
