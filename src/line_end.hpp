// Where lines end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

#include <treehold/lines.hpp>

namespace treehold::inline v0 {

/// Where the first ending at or behind `from` begins, or npos.
[[nodiscard]] inline std::size_t find_line_end(std::string_view bytes, LineEnding ending,
                                               std::size_t from = 0) noexcept {
  return ending == LineEnding::newline ? bytes.find('\n', from) : bytes.find_first_of("\r\n", from);
}

/// The length of the ending that `bytes` begins with; 0 where there is none because they are empty.
[[nodiscard]] inline std::size_t line_end_length(std::string_view bytes) noexcept {
  return bytes.starts_with("\r\n") ? 2 : std::min<std::size_t>(1, bytes.size());
}

}  // namespace treehold::inline v0
