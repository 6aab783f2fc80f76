// The entries of a directory, without a libc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../raw_syscall.hpp"

namespace treehold::inline v0::platform::agent {

/// Calls `visit(name, is_directory)` for each, from the first on, until one is told to be enough:
/// `visit` returns true then.
template <class Visit>
void each_entry(long directory, Visit visit) {
  struct Entry {
    std::uint64_t inode;
    std::int64_t offset;
    std::uint16_t size;
    std::uint8_t type;
    char name[1];
  };
  constexpr std::uint8_t type_directory = 4;  // DT_DIR
  alignas(8) char buffer[8192];
  raw_syscall(__NR_lseek, directory, 0, 0);
  for (;;) {
    const long size =
        raw_syscall(__NR_getdents64, directory, raw_syscall_of(buffer), sizeof buffer);
    if (size <= 0) {
      return;
    }
    for (long at = 0; at < size;) {
      const auto* const entry = reinterpret_cast<const Entry*>(buffer + at);
      if (visit(buffer + at + offsetof(Entry, name), entry->type == type_directory)) {
        return;
      }
      at += entry->size;
    }
  }
}

/// Calls `visit` with each entry that is a number: of /proc the processes, of /proc/PID/task the
/// threads.
template <class Visit>
void each_number(long directory, Visit visit) {
  each_entry(directory, [&](const char* digit, bool) {
    std::int32_t number = 0;
    while (*digit >= '0' && *digit <= '9') {
      number = number * 10 + (*digit++ - '0');
    }
    if (*digit == '\0' && number > 0) {
      visit(number);
    }
    return false;
  });
}

}  // namespace treehold::inline v0::platform::agent
