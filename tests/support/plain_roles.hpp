// Roles that need nothing of a system but their standard streams, and what they share with the
// others.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "roles.hpp"

namespace support {

using Words = std::vector<std::string>;

inline std::string word(const Words& words, std::size_t index, const std::string& otherwise = "") {
  return index < words.size() ? words[index] : otherwise;
}

inline std::size_t number(const Words& words, std::size_t index, std::size_t otherwise = 0) {
  return index < words.size() ? std::stoull(words[index]) : otherwise;
}

/// Writes all of `bytes` to standard output (1) or error (2); ends the process where that cannot
/// be. May be called by a signal handler.
void put(int stream, std::string_view bytes);

inline void say(const std::string& line) {
  put(1, line + "\n");
}

/// Reads what there is of standard input: how many bytes; 0 at the end.
[[nodiscard]] std::size_t take(char* buffer, std::size_t size);

/// The number of this process.
[[nodiscard]] long long own_number();

/// Waits for the end of the process.
[[noreturn]] void rest();

[[nodiscard]] std::map<std::string, Role> plain_roles();

}  // namespace support
