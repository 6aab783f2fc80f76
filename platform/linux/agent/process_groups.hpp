// The process groups that the guardian ends when the host has gone.
//
// A process group is left by setsid(2) and setpgid(2), so that more than its members is looked for:
// what is in the leader's session, and what is below any of these. All are stopped first, since
// what is stopped neither forks nor loses its parent; when nobody is found any more, all are
// killed. Who left the group and whose parent had ended before is not found.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>

#include <cstddef>
#include <cstdint>

#include "../order.hpp"
#include "../raw_syscall.hpp"
#include "descriptor.hpp"
#include "directory.hpp"
#include "process_stat.hpp"

namespace treehold::inline v0::platform {
namespace guardian {

using namespace agent;

constexpr unsigned to_process_group = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

/// Each process group takes a descriptor.
inline void allow_many_descriptors() {
  struct {
    std::uint64_t soft;
    std::uint64_t hard;
  } limit{};
  raw_syscall(__NR_prlimit64, 0, RLIMIT_NOFILE, 0, raw_syscall_of(&limit));
  limit.soft = limit.hard;
  raw_syscall(__NR_prlimit64, 0, RLIMIT_NOFILE, raw_syscall_of(&limit), 0);
}

class LedGroups {
 public:
  void add(const GuardMessage& message, int pidfd) {
    if (pidfd < 0) {  // the sender was at its limit; the host has yet to reap it
      pidfd = static_cast<int>(raw_syscall(__NR_pidfd_open, message.number, 0));
    }
    const bool known = index_of(message.serial) != count_;  // told by itself, and by the host
    if (known || pidfd < 0 || count_ == capacity) {
      raw_syscall(__NR_close, pidfd);
    } else {
      groups_[count_++] = {message.serial, message.number, pidfd};
    }
  }

  void remove(std::uint64_t serial) {
    if (const std::size_t index = index_of(serial); index != count_) {
      remove_at(index);
    }
  }

  /// Kills all that can be found; how many there were. To be repeated until there are none.
  std::size_t end() {
    if (count_ == 0) {
      return 0;
    }
    const Descriptor proc(raw_syscall(__NR_openat, AT_FDCWD, raw_syscall_of("/proc"),
                                      O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    forget_empty();
    mark_leaders(true);
    // Nobody is stopped before all that are to be seen are known: the kernel ends a stopped group
    // that loses its parent with SIGHUP, and what is below it would be nobody's.
    for (std::size_t stopped = 0; find_more(proc.get());) {
      for (; stopped < found_count_; ++stopped) {
        send(proc.get(), found_[stopped], signal_stop);
      }
    }
    signal_groups(signal_kill);
    for (std::size_t i = 0; i < found_count_; ++i) {
      send(proc.get(), found_[i], signal_kill);
      known_.set(found_[i].number, false);
    }
    mark_leaders(false);
    const std::size_t ended = found_count_;
    found_count_ = 0;
    while (ended == 0 && count_ > 0) {
      remove_at(count_ - 1);
    }
    return ended;
  }

 private:
  struct Group {
    std::uint64_t serial;
    std::int32_t leader;
    int pidfd;
  };
  struct Found {
    std::int32_t number;
    std::uint64_t start;
  };

  [[nodiscard]] std::size_t index_of(std::uint64_t serial) const {
    std::size_t index = 0;
    while (index < count_ && groups_[index].serial != serial) {
      ++index;
    }
    return index;
  }

  void remove_at(std::size_t index) {
    raw_syscall(__NR_close, groups_[index].pidfd);
    groups_[index] = groups_[--count_];
  }

  void mark_leaders(bool marked) {
    for (std::size_t i = 0; i < count_; ++i) {
      leaders_.set(groups_[i].leader, marked);
    }
  }

  /// A group without any member pins its number no longer: it may be another's by now.
  void forget_empty() {
    constexpr long no_process = -3;  // ESRCH
    for (std::size_t i = count_; i-- > 0;) {
      if (raw_syscall(__NR_pidfd_send_signal, groups_[i].pidfd, 0, 0, to_process_group) ==
          no_process) {
        remove_at(i);
      }
    }
  }

  void signal_groups(int signal) const {
    constexpr long invalid_flag = -22;  // EINVAL
    for (std::size_t i = 0; i < count_; ++i) {
      if (raw_syscall(__NR_pidfd_send_signal, groups_[i].pidfd, signal, 0, to_process_group) ==
          invalid_flag) {
        // By number: the host, which has gone this moment, kept it from being given again.
        raw_syscall(__NR_kill, -groups_[i].leader, signal);
      }
    }
  }

  /// Looks for who belongs to the groups and is not known yet. False when there is nobody.
  bool find_more(long proc) {
    bool more = false;
    each_number(proc, [&](std::int32_t number) {
      if (known_.has(number) || found_count_ == capacity) {
        return;
      }
      const ProcessStat stat = read_stat(proc, number);
      if (stat.alive() && (leaders_.has(stat.group) || leaders_.has(stat.session) ||
                           leaders_.has(number) || known_.has(stat.parent))) {
        found_[found_count_++] = {number, stat.start};
        known_.set(number, true);
        more = true;
      }
    });
    return more;
  }

  /// To that very process, whatever has become of its number.
  static void send(long proc, const Found& process, int signal) {
    const Descriptor pidfd(raw_syscall(__NR_pidfd_open, process.number, 0));
    if (pidfd.valid() && read_stat(proc, process.number).start == process.start) {
      raw_syscall(__NR_pidfd_send_signal, pidfd.get(), signal, 0, 0);
    }
  }

  static constexpr std::size_t capacity = 32768;
  Group groups_[capacity] = {};
  std::size_t count_ = 0;
  NumberSet leaders_;  ///< of the groups, while they are ended
  NumberSet known_;    ///< those found
  Found found_[capacity] = {};
  std::size_t found_count_ = 0;
};

}  // namespace guardian
}  // namespace treehold::inline v0::platform
