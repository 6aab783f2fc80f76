// What the helper knows of a process by its number, and which numbers it has seen.
#pragma once

#include <fcntl.h>

#include <cstddef>
#include <cstdint>

#include "../raw_syscall.hpp"
#include "descriptor.hpp"
#include "text.hpp"

namespace treehold::inline v0::platform::agent {

constexpr int signal_kill = 9;   // SIGKILL
constexpr int signal_stop = 19;  // SIGSTOP

/// What /proc/NUMBER/stat tells, proc(5).
struct ProcessStat {
  std::int32_t number = 0;
  char state = 'X';
  std::int32_t parent = 0;
  std::int32_t group = 0;
  std::int32_t session = 0;
  std::int32_t threads = 0;
  std::uint64_t start = 0;

  /// Also when the main thread alone has ended, which looks like a zombie.
  [[nodiscard]] bool alive() const { return (state != 'Z' && state != 'X') || threads > 1; }
};

inline ProcessStat read_stat(long proc, std::int32_t number) {
  ShortText name;
  name.append(number);
  name.append("/stat");
  ProcessStat stat;
  const Descriptor file(
      raw_syscall(__NR_openat, proc, raw_syscall_of(name.text()), O_RDONLY | O_CLOEXEC));
  char text[1024];
  const long size =
      file.valid() ? raw_syscall(__NR_read, file.get(), raw_syscall_of(text), sizeof text) : 0;
  // The name of the program, in parentheses, may hold anything.
  long word = size - 1;
  while (word >= 0 && text[word] != ')') {
    --word;
  }
  if (word < 0 || word + 2 >= size) {
    return stat;
  }
  constexpr int parent_field = 1;
  constexpr int group_field = 2;
  constexpr int session_field = 3;
  constexpr int threads_field = 17;
  constexpr int start_field = 19;
  word += 2;
  stat.number = number;
  stat.state = text[word];
  int field = 0;
  std::uint64_t value = 0;
  for (; word < size && field <= start_field; ++word) {
    if (text[word] >= '0' && text[word] <= '9') {
      value = value * 10 + static_cast<std::uint64_t>(text[word] - '0');
      continue;
    }
    switch (text[word] == ' ' ? field++ : -1) {
      case parent_field: stat.parent = static_cast<std::int32_t>(value); break;
      case group_field: stat.group = static_cast<std::int32_t>(value); break;
      case session_field: stat.session = static_cast<std::int32_t>(value); break;
      case threads_field: stat.threads = static_cast<std::int32_t>(value); break;
      case start_field: stat.start = value; break;
      default: break;
    }
    value = 0;
  }
  return stat;
}

/// Numbers of processes; what is not touched of it takes no memory.
class NumberSet {
 public:
  void set(std::int32_t number, bool value) {
    if (number > 0 && number < highest) {
      const auto bit = static_cast<unsigned char>(1U << (number % 8));
      unsigned char& byte = bits_[number / 8];
      byte = static_cast<unsigned char>(value ? byte | bit : byte & ~bit);
    }
  }
  [[nodiscard]] bool has(std::int32_t number) const {
    return number > 0 && number < highest && (bits_[number / 8] & (1U << (number % 8))) != 0;
  }

 private:
  static constexpr std::int32_t highest = 1 << 22;  // PID_MAX_LIMIT
  unsigned char bits_[highest / 8] = {};
};

}  // namespace treehold::inline v0::platform::agent
