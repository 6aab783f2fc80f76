// How the benchmarks tell what they have measured: tables in Markdown on standard output and, where
// the environment's TREEHOLD_BENCH_CHARTS names a folder, a chart as SVG beside each.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace bench {

/// What one way of doing a thing has cost, a value a round.
struct Series {
  std::string name;
  std::vector<double> values;  ///< none: absent
};

/// Several ways of doing the same thing; the first is the floor that the others are held against.
struct Comparison {
  std::string title;
  std::string
      unit;  ///< of the values; those in "µs" are written as ms or s where that reads better
  std::vector<Series> series;
};

/// A table of the ratios to the floor, the medians and the 99th percentiles, and the chart.
void print(const Comparison& comparison);

/// The chart alone.
void print_chart(const Comparison& comparison);

/// How a cost grows with a size.
struct Growth {
  double fixed;     ///< what is paid at size 0
  double each;      ///< what each unit of size adds
  double exponent;  ///< the power of the size that the cost follows over the last tenth part of it
};

/// Of costs in µs by their sizes, in ascending order; the line is the one that is nearest in
/// proportion to the costs, so that the small sizes count as well.
[[nodiscard]] Growth growth(const std::vector<std::pair<double, double>>& points);

struct Growing {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< fewer than three: absent
};

/// A table of how each grows; `unit` is that of the size.
void print_growth(const std::string& title, const std::string& unit,
                  const std::vector<Growing>& all);

}  // namespace bench
