// Durations as people type them, and as numbers.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace treehold::cli {

/// "500ms", "2s", "1.5m", "1h"; a bare number is seconds. Nothing when it is none of these.
[[nodiscard]] std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text);

[[nodiscard]] inline double in_seconds(std::chrono::duration<double> duration) {
  return duration.count();
}

}  // namespace treehold::cli
