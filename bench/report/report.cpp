#include "bench/report/report.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "bench/report/chart.hpp"
#include "bench/report/rounds.hpp"

namespace bench {
namespace {

/// The unit in which a time of so many µs is written.
std::pair<const char*, double> time_unit(double micros) {
  constexpr double thousand = 1000;
  if (micros < 10 * thousand) {
    return {"µs", 1};
  }
  return micros < 10 * thousand * thousand ? std::pair("ms", thousand)
                                           : std::pair("s", thousand * thousand);
}

/// The first that is there: the floor.
const Series* first_present(const Comparison& comparison) {
  const auto present = std::find_if(comparison.series.begin(), comparison.series.end(),
                                    [](const Series& one) { return !one.values.empty(); });
  return present == comparison.series.end() ? nullptr : &*present;
}

/// The same with times in the unit that suits the floor.
Comparison readable(Comparison comparison) {
  const Series* floor = first_present(comparison);
  if (comparison.unit != "µs" || floor == nullptr) {
    return comparison;
  }
  const auto [unit, micros] = time_unit(median(floor->values));
  comparison.unit = unit;
  for (Series& series : comparison.series) {
    for (double& value : series.values) {
      value /= micros;
    }
  }
  return comparison;
}

/// A title as a file's name.
std::string file_name(const std::string& title) {
  std::string name;
  for (const char c : title) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  while (!name.empty() && name.back() == '-') {
    name.pop_back();
  }
  return name + ".svg";
}

std::string digits(double value) {
  return fmt::format("{:.{}f}", value, value < 10 ? 2 : (value < 100 ? 1 : 0));
}

std::string time_text(double micros) {
  const auto [unit, divisor] = time_unit(std::abs(micros));
  return fmt::format("{} {}", digits(micros / divisor), unit);
}

}  // namespace

void print_chart(const Comparison& comparison) {
  const char* const folder = std::getenv("TREEHOLD_BENCH_CHARTS");  // NOLINT: one thread
  if (folder == nullptr || first_present(comparison) == nullptr) {
    return;
  }
  const std::filesystem::path path(folder);
  const std::string name = file_name(comparison.title);
  std::ofstream file(path / name);
  file << draw(readable(comparison));
  if (!file.flush()) {
    throw std::runtime_error("cannot write " + (path / name).string());
  }
  fmt::print("\n![{}]({}/{})\n", comparison.title, path.filename().string(), name);
  std::fflush(stdout);
}

void print(const Comparison& comparison) {
  const Comparison shown = readable(comparison);
  const Series* const floor = first_present(shown);
  fmt::print("\n### {}\n\n| | ratio | median {} | p99 {} |\n|---|---|---|---|\n", shown.title,
             shown.unit, shown.unit);
  for (const Series& series : shown.series) {
    if (series.values.empty()) {
      fmt::print("| {} | absent | | |\n", series.name);
    } else {
      const double middle = median(series.values);
      fmt::print("| {} | {:.2f} | {} | {} |\n", series.name, middle / median(floor->values),
                 digits(middle), digits(at(series.values, 0.99)));
    }
  }
  std::fflush(stdout);
  print_chart(comparison);
}

Growth growth(const std::vector<std::pair<double, double>>& points) {
  // Least squares of (fixed + each * size - cost) / cost.
  double w = 0;
  double wx = 0;
  double wy = 0;
  double wxx = 0;
  double wxy = 0;
  for (const auto& [size, cost] : points) {
    const double weight = 1 / (cost * cost);
    w += weight;
    wx += weight * size;
    wy += weight * cost;
    wxx += weight * size * size;
    wxy += weight * size * cost;
  }
  Growth result{};
  result.each = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  result.fixed = (wy - result.each * wx) / w;
  const auto& [last_size, last_cost] = points.back();
  const auto& [size, cost] = points[points.size() - 2];
  result.exponent = std::log(last_cost / cost) / std::log(last_size / size);
  return result;
}

void print_growth(const std::string& title, const std::string& unit,
                  const std::vector<Growing>& all) {
  constexpr std::size_t least_points = 3;
  fmt::print("\n### {}\n\n| | at first | each {} more | power at the end |\n|---|---|---|---|\n",
             title, unit);
  for (const Growing& one : all) {
    if (one.points.size() < least_points) {
      fmt::print("| {} | absent | | |\n", one.name);
    } else {
      const Growth grows = growth(one.points);
      fmt::print("| {} | {} | {} | {:.2f} |\n", one.name, time_text(grows.fixed),
                 time_text(grows.each), grows.exponent);
    }
  }
  std::fflush(stdout);
}

}  // namespace bench
