// The guardian: ends a host's groups when the host has gone, whatever ended it.
// process_groups.hpp has what it does with process groups.
//
// It sleeps until the host sends a message or ends. The host has gone when its pidfd says so, and
// when nobody has the other end of the socket any more: the host has executed another program, or
// has let go of the library. Then each group is killed and removed, again and again until it is
// gone, since a child may be born behind a kill. It is no child of the host, in a session of its
// own, and takes no signal but SIGKILL and SIGSTOP.
#pragma once

#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <poll.h>

#include <cstddef>
#include <cstdint>

#include "../become.hpp"
#include "../descriptor_message.hpp"
#include "../order.hpp"
#include "../raw_syscall.hpp"
#include "birth.hpp"
#include "directory.hpp"
#include "process_groups.hpp"
#include "text.hpp"

namespace treehold::inline v0::platform {
namespace guardian {

using namespace agent;

constexpr int no_entry = -2;    // -ENOENT
constexpr int no_access = -13;  // -EACCES
constexpr int no_room = -12;    // -ENOMEM
constexpr int no_device = -19;  // -ENODEV
constexpr int invalid = -22;    // -EINVAL
constexpr int directory_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int directory_mode = 0755;

/// A group that is to be ended. All zero when it is none: a thousand of them are no part of the
/// program's file.
struct Guarded {
  bool used = false;
  bool doomed = false;  ///< now
  GuardMessage order;
  int parent = 0;
  int lock = 0;
};

struct State {
  static constexpr std::size_t capacity = 1024;
  Guarded groups[capacity];
  LedGroups led;
};

/// Also where a member has taken our permissions away.
inline long open_at(long parent, const char* name, int flags, int mode) {
  long fd = raw_syscall(__NR_openat, parent, raw_syscall_of(name), flags);
  if (fd == no_access) {
    raw_syscall(__NR_fchmodat, parent, raw_syscall_of(name), mode);
    fd = raw_syscall(__NR_openat, parent, raw_syscall_of(name), flags);
  }
  return fd;
}

inline void kill_group(long parent, const char* name) {
  constexpr int file_mode = 0644;
  const Descriptor group(open_at(parent, name, directory_flags, directory_mode));
  if (group.valid()) {
    const Descriptor file(open_at(group.get(), "cgroup.kill", O_WRONLY | O_CLOEXEC, file_mode));
    raw_syscall(__NR_write, file.get(), raw_syscall_of("1"), 1);
  }
}

/// The first group below `directory`, into `name`. False when there is none.
inline bool first_below(long directory, char (&name)[256]) {
  bool found = false;
  each_entry(directory, [&](const char* text, bool is_directory) {
    found = is_directory && text[0] != '.';
    for (std::size_t i = 0; found && i + 1 < sizeof name; ++i) {
      name[i] = text[i];
      if (text[i] == '\0') {
        break;
      }
    }
    name[sizeof name - 1] = '\0';
    return found;
  });
  return found;
}

/// Removes a group with all below it, the deepest first. False while a process is left in one.
inline bool remove_group(long parent, const char* group) {
  char names[2][256];
  for (;;) {
    const long removed = raw_syscall(__NR_unlinkat, parent, raw_syscall_of(group), AT_REMOVEDIR);
    if (removed >= 0 || removed == no_entry) {
      return true;
    }
    // Down to one that has nothing below it.
    long above = open_at(parent, group, directory_flags, directory_mode);
    if (above < 0 || !first_below(above, names[0])) {
      raw_syscall(__NR_close, above);
      return above == no_entry || above == no_device;
    }
    int current = 0;
    for (;;) {
      const long below = open_at(above, names[current], directory_flags, directory_mode);
      if (below < 0 || !first_below(below, names[1 - current])) {
        raw_syscall(__NR_close, below);
        break;
      }
      raw_syscall(__NR_close, above);
      above = below;
      current = 1 - current;
    }
    const long result =
        raw_syscall(__NR_unlinkat, above, raw_syscall_of(names[current]), AT_REMOVEDIR);
    raw_syscall(__NR_close, above);
    if (result < 0 && result != no_entry) {
      return false;
    }
  }
}

inline void let_go(Guarded& group) {
  raw_syscall(__NR_close, group.parent);
  raw_syscall(__NR_close, group.lock);
  group = Guarded();
}

inline long remember(State& state, const GuardMessage& message, int parent, int lock) {
  if (parent < 0 || (message.verb == GuardVerb::watch && lock < 0)) {
    return invalid;
  }
  for (Guarded& group : state.groups) {
    if (!group.used) {
      group = Guarded{true, message.verb == GuardVerb::end, message, parent, lock};
      return 0;
    }
  }
  return no_room;
}

inline void forget(State& state, const GuardMessage& message) {
  for (Guarded& group : state.groups) {
    if (group.used && group.order.verb != GuardVerb::end && equal(group.order.name, message.name)) {
      let_go(group);
    }
  }
}

/// Takes one message. False when there is none: `closed` tells whether there never will be one.
inline bool take_message(State& state, int control, bool& closed) {
  GuardMessage message;
  DescriptorMessage envelope(message);
  const long size = raw_syscall(__NR_recvmsg, control, raw_syscall_of(envelope.header()),
                                MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (size != static_cast<long>(sizeof message)) {
    // The end, or the end with an answer of ours unread. No other error is taken for the host's
    // end: what lives must not be killed.
    constexpr long reset = -104;  // ECONNRESET
    closed = closed || size == 0 || size == reset;
    return false;
  }
  message.name[guarded_name_size - 1] = '\0';
  switch (message.verb) {
    case GuardVerb::forget: forget(state, message); return true;
    case GuardVerb::lead: state.led.add(message, envelope.passed(0)); return true;
    case GuardVerb::leave: state.led.remove(message.serial); return true;
    case GuardVerb::watch:
    case GuardVerb::beside:
    case GuardVerb::end: break;
  }
  const int parent = envelope.passed(0);
  const int lock = envelope.passed(1);
  GuardReply reply;
  reply.error = static_cast<std::int32_t>(-remember(state, message, parent, lock));
  if (reply.error != 0) {
    raw_syscall(__NR_close, parent);
    raw_syscall(__NR_close, lock);
  }
  raw_syscall(__NR_write, control, raw_syscall_of(&reply), sizeof reply);
  return true;
}

inline bool is_watched(const State& state, const char* name) {
  for (const Guarded& group : state.groups) {
    if (group.used && group.order.verb == GuardVerb::watch && equal(group.order.name, name)) {
      return true;
    }
  }
  return false;
}

/// Kills and removes what is to be ended. How many are left.
inline std::size_t end_doomed(State& state) {
  std::size_t left = 0;
  for (Guarded& group : state.groups) {
    if (!group.used || !group.doomed) {
      continue;
    }
    if (group.order.verb != GuardVerb::beside) {
      kill_group(group.parent, group.order.name);
    } else if (is_watched(state, group.order.name)) {
      ++left;  // its members are those of that group
      continue;
    }
    if (remove_group(group.parent, group.order.name)) {
      let_go(group);
    } else {
      ++left;
    }
  }
  return left;
}

/// The kernel writes what is left of it.
struct Time {
  long seconds;
  long nanoseconds;
};

/// A moment: a host that has executed another program does not end.
inline void wait_for_end(int host) {
  Time moment{0, 20'000'000};
  pollfd notice{host, POLLIN, 0};
  raw_syscall(__NR_ppoll, raw_syscall_of(&notice), 1, raw_syscall_of(&moment), 0, 0);
}

[[noreturn]] inline void watch_over(int control, int host) {
  static State state;
  bool gone = false;    // the host
  bool closed = false;  // the other end of the socket
  // Quick at first, as most groups are empty within some milliseconds of their kill; then at
  // leisure.
  constexpr long shortest = 500'000;  // ns
  constexpr long longest = 500'000'000;
  long pause = shortest;
  for (;;) {
    const std::size_t left = end_doomed(state) + (gone ? state.led.end() : 0);
    if (closed && left == 0) {
      becoming::leave(0);
    }
    // A child on its way to becoming the program has the other end, too, and may yet tell of
    // itself.
    const bool waits_for_children = gone && left == 0;
    Time timeout{waits_for_children ? 1 : 0, waits_for_children ? 0 : pause};
    pause = left == 0 ? shortest : pause < longest / 2 ? pause * 2 : longest;
    pollfd notices[2] = {{closed ? -1 : control, POLLIN, 0}, {gone ? -1 : host, POLLIN, 0}};
    const long ready = raw_syscall(__NR_ppoll, raw_syscall_of(notices), 2,
                                   left == 0 && !gone ? 0 : raw_syscall_of(&timeout), 0, 0);
    if (waits_for_children && ready == 0) {
      becoming::leave(0);
    }
    // What the host has sent before it ended counts.
    while (!closed && take_message(state, control, closed)) {
      pause = shortest;
    }
    if (!gone && (closed || (notices[1].revents & POLLIN) != 0)) {
      // One that ends closes its files first. What it would do to stopped children comes then.
      wait_for_end(host);
      gone = true;
      pause = shortest;
    }
    for (Guarded& group : state.groups) {
      group.doomed = group.used && (group.doomed || gone);
    }
  }
}

}  // namespace guardian

/// Goes on in a process that is no child of the host's.
[[noreturn]] inline void become_guardian(const GuardOrder& order) {
  block_all_signals();
  int pidfd = -1;
  const long child = clone_here(pidfd);
  if (child != 0) {
    tell_birth(order.control, child, pidfd);
    becoming::leave(0);
  }
  raw_syscall(__NR_setsid);
  raw_syscall(__NR_chdir, raw_syscall_of("/"));
  raw_syscall(__NR_prctl, PR_SET_NAME, raw_syscall_of("treehold-guard"), 0, 0, 0);
  // Nothing else of the host's: whoever reads its output, or from a pipe that it was given, waits
  // for the end.
  constexpr int control = 0;
  constexpr int host = 1;
  raw_syscall(__NR_dup3, order.control, control, 0);
  raw_syscall(__NR_dup3, order.host, host, 0);
  raw_syscall(__NR_close_range, host + 1, ~0U, 0);
  guardian::allow_many_descriptors();
  guardian::watch_over(control, host);
}

}  // namespace treehold::inline v0::platform
