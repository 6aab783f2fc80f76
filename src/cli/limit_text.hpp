// Limits as people type them. Each function returns nothing for a text that is no such limit;
// whether a value makes sense, the library tells.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <treehold/limits.hpp>

namespace treehold::cli {

/// A whole number: "64".
[[nodiscard]] std::optional<std::uint64_t> parse_count(std::string_view text);

/// Cores: "1.5".
[[nodiscard]] std::optional<double> parse_cores(std::string_view text);

/// Numbers of CPUs, ascending: "0-3,5".
[[nodiscard]] std::optional<std::vector<unsigned>> parse_cpu_set(std::string_view text);

/// "/dev/sda:rbps=10M,wbps=5M,riops=100,wiops=100" or "8:0:rbps=10M".
[[nodiscard]] std::optional<IoLimit> parse_io_limit(std::string_view text);

/// A priority by its name: "below_normal".
[[nodiscard]] std::optional<PriorityClass> parse_priority(std::string_view text);
[[nodiscard]] std::string_view to_text(PriorityClass priority);

/// What is forbidden, by the names of the members: "exit_windows,handles"; "all".
[[nodiscard]] std::optional<UiRestrictions> parse_ui(std::string_view text);
[[nodiscard]] std::vector<std::string_view> names_of(const UiRestrictions& ui);

}  // namespace treehold::cli
