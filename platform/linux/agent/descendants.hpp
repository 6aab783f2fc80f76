// All that is below this process, and how it is ended.
//
// They are found by the lists of children that the kernel keeps (/proc/PID/task/TID/children,
// proc(5)), so that a look costs what the tree is large, not what the system is. What runs may have
// children behind a look: all are stopped first, since what is stopped neither forks nor ends, and
// when a look finds nobody new they are killed.
#pragma once

#include <fcntl.h>

#include <cstddef>
#include <cstdint>

#include "../raw_syscall.hpp"
#include "descriptor.hpp"
#include "directory.hpp"
#include "process_stat.hpp"
#include "text.hpp"

namespace treehold::inline v0::platform::agent {

class Descendants {
 public:
  /// Stops and kills all that can be found below `self`, this process, to which orphans fall; how
  /// many of them lived. To be repeated while children are left.
  std::size_t end(std::int32_t self) {
    self_ = self;
    const Descriptor proc(raw_syscall(__NR_openat, AT_FDCWD, raw_syscall_of("/proc"),
                                      O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    // One that forks and ends in a circle is met by chance: it must not keep the others waiting.
    constexpr int most_looks = 100;
    for (int look = 0; look < most_looks && stop_more(proc.get()); ++look) {
    }
    std::size_t living = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      living += send(proc.get(), found_[i], signal_kill) ? 1 : 0;
    }
    for (std::size_t i = 0; i < stopped_count_; ++i) {
      is_stopped_.set(stopped_[i], false);
    }
    stopped_count_ = 0;
    return living;
  }

 private:
  struct Found {
    std::int32_t number;
    std::int32_t parent;
  };

  /// Looks at the tree from the top, and stops whom it has not stopped yet. False when there is
  /// nobody.
  bool stop_more(long proc) {
    bool more = false;
    count_ = 0;
    add_children(proc, self_);
    for (std::size_t i = 0; i < count_; ++i) {
      const Found found = found_[i];
      if (!is_stopped_.has(found.number) && stopped_count_ < capacity) {
        (void)send(proc, found, signal_stop);
        is_stopped_.set(found.number, true);
        stopped_[stopped_count_++] = found.number;
        more = true;
      }
      add_children(proc, found.number);
    }
    return more;
  }

  void add_children(long proc, std::int32_t parent) {
    ShortText name;
    name.append(parent);
    name.append("/task");
    const Descriptor tasks(raw_syscall(__NR_openat, proc, raw_syscall_of(name.text()),
                                       O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (tasks.valid()) {
      each_number(tasks.get(), [&](std::int32_t task) {
        ShortText list;
        list.append(task);
        list.append("/children");
        read_list(tasks.get(), list.text(), parent);
      });
    }
  }

  void read_list(long directory, const char* name, std::int32_t parent) {
    const Descriptor file(
        raw_syscall(__NR_openat, directory, raw_syscall_of(name), O_RDONLY | O_CLOEXEC));
    char text[4096];
    std::int32_t number = 0;
    for (;;) {
      const long size =
          file.valid() ? raw_syscall(__NR_read, file.get(), raw_syscall_of(text), sizeof text) : 0;
      for (long i = 0; i < size; ++i) {
        if (text[i] >= '0' && text[i] <= '9') {
          number = number * 10 + (text[i] - '0');
        } else if (number > 0) {
          if (count_ < capacity) {
            found_[count_++] = {number, parent};
          }
          number = 0;
        }
      }
      if (size <= 0) {
        return;
      }
    }
  }

  /// Whether it lived. A child of ours keeps its number until we have reaped it. Any other may have
  /// ended meanwhile, and its number be another's: it is the one that was found as long as its
  /// parent is the same, or are we.
  bool send(long proc, const Found& to, int signal) const {
    if (to.parent == self_) {
      raw_syscall(__NR_kill, to.number, signal);
      return read_stat(proc, to.number).alive();
    }
    const Descriptor pidfd(raw_syscall(__NR_pidfd_open, to.number, 0));
    const ProcessStat stat = read_stat(proc, to.number);
    if (pidfd.valid() && (stat.parent == to.parent || stat.parent == self_)) {
      raw_syscall(__NR_pidfd_send_signal, pidfd.get(), signal, 0, 0);
      return stat.alive();
    }
    return false;
  }

  static constexpr std::size_t capacity = 32768;
  std::int32_t self_ = 0;
  Found found_[capacity] = {};  ///< by the last look, parents before their children
  std::size_t count_ = 0;
  std::int32_t stopped_[capacity] = {};
  std::size_t stopped_count_ = 0;
  NumberSet is_stopped_;
};

}  // namespace treehold::inline v0::platform::agent
