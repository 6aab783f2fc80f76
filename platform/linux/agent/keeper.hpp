// The keeper: holds the tree of one start together where there is no cgroup, and tells how its
// leader ended.
//
// It is a child of the host and the parent of the leader. As a subreaper (prctl(2)) it becomes the
// parent of every orphan below it: neither setsid(2) nor a double fork leads out of its tree, and
// when it has no child any more the tree is empty. It ends the tree when the host asks for that by
// closing its sending half of the socket, and when the host has gone, whatever ended it. It takes
// no signal but SIGKILL and SIGSTOP.
#pragma once

#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>

#include "../../posix/keeper_news.hpp"
#include "../become.hpp"
#include "../descriptor_message.hpp"
#include "../order.hpp"
#include "../raw_syscall.hpp"
#include "birth.hpp"
#include "descendants.hpp"

namespace treehold::inline v0::platform {
namespace keeper {

using namespace agent;

constexpr long signal_set_size = 8;

/// What a keeper has, by these numbers, and no other descriptor.
constexpr int control = 0;
constexpr int host = 1;
constexpr int signals = 2;  ///< readable when a child has ended

/// Where the host ignores SIGCHLD so would we, and the kernel would reap.
inline void count_on_exit_statuses() {
  const becoming::KernelSigaction standard{};
  raw_syscall(__NR_rt_sigaction, child_signal, raw_syscall_of(&standard), 0, signal_set_size);
}

/// Takes what children have ended. False when there is no child any more. `news` is told of the
/// leader.
inline bool reap_children(std::int32_t leader, KeeperNews& news) {
  for (;;) {
    siginfo_t info{};
    rusage usage{};
    constexpr long any = 0;  // P_ALL
    constexpr long flags = WEXITED | WNOHANG | __WALL;
    const long result =
        raw_syscall(__NR_waitid, any, 0, raw_syscall_of(&info), flags, raw_syscall_of(&usage));
    if (result < 0) {
      return false;
    }
    if (info.si_pid == 0) {
      return true;
    }
    if (info.si_pid == leader) {
      constexpr std::int64_t microseconds = 1'000'000;
      news.leader_ended = 1;
      news.how = info.si_code;
      news.status = info.si_status;
      news.user = usage.ru_utime.tv_sec * microseconds + usage.ru_utime.tv_usec;
      news.system = usage.ru_stime.tv_sec * microseconds + usage.ru_stime.tv_usec;
      news.peak_kibibytes = usage.ru_maxrss;
    }
  }
}

inline void tell(KeeperNews news) {
  DescriptorMessage message(news);
  message.pass(nullptr, 0);
  raw_syscall(__NR_sendmsg, control, raw_syscall_of(message.header()), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// The kernel writes what is left of it.
struct Time {
  long seconds;
  long nanoseconds;
};

/// Waits for an end: of a child, or of the host. False when it is the host's, or it asks for ours.
inline bool wait_for_end(bool ending, long pause) {
  pollfd notices[3] = {
      {signals, POLLIN, 0}, {ending ? -1 : control, POLLIN, 0}, {ending ? -1 : host, POLLIN, 0}};
  Time timeout{0, pause};
  raw_syscall(__NR_ppoll, raw_syscall_of(notices), 3, ending ? raw_syscall_of(&timeout) : 0, 0, 0);
  char taken[1024];
  while (raw_syscall(__NR_read, signals, raw_syscall_of(taken), sizeof taken) > 0) {
  }
  return notices[1].revents == 0 && notices[2].revents == 0;
}

[[noreturn]] inline void keep(std::int32_t leader) {
  static Descendants descendants;
  const auto self = static_cast<std::int32_t>(raw_syscall(__NR_getpid));
  constexpr long shortest = 500'000;  // ns
  constexpr long longest = 100'000'000;
  long pause = shortest;
  bool ending = false;
  int looks_in_vain = 0;
  KeeperNews news;
  bool told = false;
  for (;;) {
    // Zombies that a tracer holds are nobody's to reap, and have ended all the same.
    constexpr int enough = 2;
    const bool children = reap_children(leader, news);
    news.tree_ended = children && looks_in_vain < enough ? 0 : 1;
    if (news.tree_ended != 0 || (news.leader_ended != 0 && !told)) {
      tell(news);
      told = true;
    }
    if (news.tree_ended != 0) {
      becoming::leave(0);
    }
    if (ending) {
      looks_in_vain = descendants.end(self) == 0 ? looks_in_vain + 1 : 0;
      pause = pause < longest / 2 ? pause * 2 : longest;
    }
    ending = !wait_for_end(ending, pause) || ending;
  }
}

}  // namespace keeper

/// Has the leader born. Its number; 0 in the leader itself, which is to become the program.
inline std::int32_t bear_leader(const LaunchOrder& order) {
  block_all_signals();
  keeper::count_on_exit_statuses();
  raw_syscall(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  int pidfd = -1;
  const long leader = order.leaf >= 0 ? clone_into(order.leaf, 0, pidfd) : clone_here(pidfd);
  if (leader == 0) {
    raw_syscall(__NR_close, order.handover);
    raw_syscall(__NR_close, order.host);
    return 0;
  }
  tell_birth(order.handover, leader, pidfd);
  if (leader < 0) {
    becoming::leave(0);
  }
  return static_cast<std::int32_t>(leader);
}

[[noreturn]] inline void become_keeper(const LaunchOrder& order, std::int32_t leader) {
  // Not before: the leader stays in the host's session. A signal to the host's process group ends
  // both, and must not end who is to end the rest.
  raw_syscall(__NR_setsid);
  raw_syscall(__NR_chdir, raw_syscall_of("/"));
  raw_syscall(__NR_prctl, PR_SET_NAME, raw_syscall_of("treehold-keep"), 0, 0, 0);
  // Nothing else of the host's: whoever reads the program's output waits for the end.
  raw_syscall(__NR_dup3, order.handover, keeper::control, 0);
  raw_syscall(__NR_dup3, order.host, keeper::host, 0);
  constexpr unsigned long children = 1UL << (child_signal - 1);
  const long ended = raw_syscall(__NR_signalfd4, -1, raw_syscall_of(&children),
                                 keeper::signal_set_size, O_NONBLOCK);
  raw_syscall(__NR_dup3, ended, keeper::signals, 0);
  raw_syscall(__NR_close_range, keeper::signals + 1, ~0U, 0);
  keeper::keep(leader);
}

}  // namespace treehold::inline v0::platform
