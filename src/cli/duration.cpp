#include "src/cli/duration.hpp"

#include <array>
#include <utility>

#include "src/cli/decimal.hpp"

namespace treehold::cli {

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  double value = 0;
  const auto [end, error] = decimal_from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) {
    return std::nullopt;
  }
  constexpr std::array<std::pair<std::string_view, double>, 5> units{
      {{"", 1.0}, {"ms", 0.001}, {"s", 1.0}, {"m", 60.0}, {"h", 3600.0}}};
  const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  constexpr double longest = 1e9;  // seconds: within what nanoseconds can count
  for (const auto& [name, factor] : units) {
    const double seconds = value * factor;
    if (unit == name && seconds >= 0 && seconds <= longest) {
      return std::chrono::nanoseconds(static_cast<std::chrono::nanoseconds::rep>(seconds * 1e9));
    }
  }
  return std::nullopt;
}

}  // namespace treehold::cli
