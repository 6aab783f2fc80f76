#include "src/cli/axis.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "src/cli/size.hpp"

namespace treehold::cli {
namespace {

constexpr double steps_wanted = 5;

/// Ticks at the multiples of `step` up to `end`.
template <class Label>
Axis axis_of(double end, double step, Label label) {
  Axis axis;
  axis.end = end;
  const auto last = static_cast<int>(std::floor(end / step + 1e-9));
  for (int i = 0; i <= last; ++i) {
    axis.ticks.push_back({i * step, label(i * step)});
  }
  return axis;
}

double rounded_up(double value, double step) {
  return std::ceil(value / step - 1e-9) * step;
}

/// 1, 2 or 5 times a power of ten.
double decimal_step(double most) {
  const double wanted = most / steps_wanted;
  const double power = std::pow(10, std::floor(std::log10(wanted)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= wanted * (1 - 1e-9)) {
      return factor * power;
    }
  }
  return 10 * power;
}

std::string plain_label(double value) {
  return fmt::format("{:.10g}", value);  // not "1e+06"
}

/// A step of time as clocks have it, and the unit in which its multiples are written.
struct TimeStep {
  double seconds;
  double unit_seconds;
  const char* unit;
};

TimeStep time_step(double most) {
  constexpr double minute = 60;
  constexpr double hour = 60 * minute;
  constexpr double day = 24 * hour;
  static constexpr std::array<TimeStep, 22> steps{{{0.01, 1, "s"},
                                                   {0.02, 1, "s"},
                                                   {0.05, 1, "s"},
                                                   {0.1, 1, "s"},
                                                   {0.2, 1, "s"},
                                                   {0.5, 1, "s"},
                                                   {1, 1, "s"},
                                                   {2, 1, "s"},
                                                   {5, 1, "s"},
                                                   {10, 1, "s"},
                                                   {20, 1, "s"},
                                                   {minute, minute, "min"},
                                                   {2 * minute, minute, "min"},
                                                   {5 * minute, minute, "min"},
                                                   {10 * minute, minute, "min"},
                                                   {20 * minute, minute, "min"},
                                                   {hour, hour, "h"},
                                                   {2 * hour, hour, "h"},
                                                   {3 * hour, hour, "h"},
                                                   {6 * hour, hour, "h"},
                                                   {12 * hour, hour, "h"},
                                                   {day, day, "d"}}};
  constexpr double most_steps = 10;
  const auto* const fitting =
      std::find_if(steps.begin(), steps.end(),
                   [most](const TimeStep& step) { return most <= most_steps * step.seconds; });
  if (fitting != steps.end()) {
    return *fitting;
  }
  return {std::max(1.0, decimal_step(most / day)) * day, day, "d"};
}

}  // namespace

Axis size_axis(double most) {
  constexpr double least = 4096;
  const double step = std::exp2(std::ceil(std::log2(std::max(most, least) / steps_wanted)));
  return axis_of(rounded_up(std::max(most, least), step), step, format_size);
}

Axis cores_axis(double most) {
  constexpr double least = 0.1;
  const double step = decimal_step(std::max(most, least));
  return axis_of(rounded_up(std::max(most, least), step), step, plain_label);
}

Axis count_axis(double most) {
  constexpr double least = 1;
  const double step = std::max(1.0, decimal_step(std::max(most, least)));
  return axis_of(rounded_up(std::max(most, least), step), step, plain_label);
}

Axis time_axis(double most) {
  constexpr double least = 0.001;
  const double end = std::max(most, least);
  const TimeStep step = time_step(end);
  return axis_of(end, step.seconds, [&step](double value) {
    return fmt::format("{:g} {}", value / step.unit_seconds, step.unit);
  });
}

}  // namespace treehold::cli
