#include "src/cli/size.hpp"

#include <spdlog/fmt/fmt.h>

#include <array>
#include <charconv>
#include <cmath>

#include "src/cli/decimal.hpp"

namespace treehold::cli {
namespace {

constexpr std::string_view unit_letters = "KMGT";

/// How often 1024 is in the unit; nothing when it is no unit.
std::optional<int> power_of(std::string_view unit) {
  if (unit.empty()) {
    return 0;
  }
  const std::size_t letter = unit_letters.find(unit.front());
  const std::string_view rest = unit.substr(1);
  if (letter == std::string_view::npos || !(rest.empty() || rest == "i" || rest == "iB")) {
    return std::nullopt;
  }
  return static_cast<int>(letter) + 1;
}

}  // namespace

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  std::uint64_t whole = 0;
  const auto [behind_whole, whole_error] = std::from_chars(begin, end, whole);
  if (whole_error != std::errc()) {
    return std::nullopt;
  }
  const bool has_fraction = behind_whole != end && *behind_whole == '.';
  double value = static_cast<double>(whole);
  const char* behind_number = behind_whole;
  if (has_fraction) {
    const auto read = decimal_from_chars(begin, end, value);
    behind_number = read.ptr;
  }
  const auto power =
      power_of(std::string_view(behind_number, static_cast<std::size_t>(end - behind_number)));
  constexpr double most = 0x1p63;
  if (!power || (has_fraction && *power == 0) || std::ldexp(value, 10 * *power) >= most) {
    return std::nullopt;
  }
  // Whole numbers do not go through a double, which would round large ones.
  return has_fraction ? static_cast<std::uint64_t>(std::ldexp(value, 10 * *power))
                      : whole << (10 * *power);
}

std::string format_size(double bytes) {
  constexpr std::array<const char*, 5> units{"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  // What would be rounded to 1024 of a unit is one of the next.
  for (; unit + 1 < units.size() && bytes >= 1023.95; ++unit) {
    bytes /= 1024;
  }
  const double tenths = std::round(bytes * 10) / 10;
  return fmt::format("{} {}", tenths, units[unit]);
}

}  // namespace treehold::cli
