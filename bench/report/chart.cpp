#include "bench/report/chart.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "bench/report/rounds.hpp"
#include "src/cli/axis.hpp"
#include "src/cli/svg.hpp"

namespace bench {
namespace {

// In pixels.
constexpr double width = 860;
constexpr double left = 270;
constexpr double right = width - 130;  // behind the longest bar stand its figures
constexpr double top = 62;
constexpr double row = 26;
constexpr double bar = 14;

/// From this ratio of the largest median to the least on, the scale is logarithmic.
constexpr double far_apart = 30;

constexpr const char* rules = R"(
.name, .own-name { fill: #1f2328; }
.own-name { font-weight: 600; }
.spread { stroke: #1f2328; stroke-width: 1.5; }
.floor { fill: #818b98; }
.own { fill: #0969da; }
.other { fill: #9ec5f4; }
)";

constexpr const char* dark_rules = R"(
  .name, .own-name { fill: #f0f6fc; }
  .spread { stroke: #f0f6fc; }
  .floor { fill: #656c76; }
  .own { fill: #4493f8; }
  .other { fill: #264f80; }
)";

/// Where a value lies from the left end of the bars to the right one.
class Scale {
 public:
  /// For medians from `least` to `most` and spreads up to `end`.
  Scale(double least, double most, double end) : logarithmic_(most > far_apart * least) {
    if (logarithmic_) {
      from_ = std::pow(10, std::floor(std::log10(least)));
      to_ = end;
      for (double tick = from_; tick <= to_; tick *= 10) {
        ticks_.push_back({tick, fmt::format("{:g}", tick)});
      }
    } else {
      treehold::cli::Axis axis = treehold::cli::cores_axis(end);
      to_ = axis.end;
      ticks_ = std::move(axis.ticks);
    }
  }

  [[nodiscard]] const std::vector<treehold::cli::Tick>& ticks() const noexcept { return ticks_; }
  [[nodiscard]] bool logarithmic() const noexcept { return logarithmic_; }

  [[nodiscard]] double x_of(double value) const {
    const double share =
        logarithmic_ ? std::log(std::clamp(value, from_, to_) / from_) / std::log(to_ / from_)
                     : std::min(value, to_) / to_;
    return left + (right - left) * share;
  }

 private:
  bool logarithmic_;
  double from_ = 0;
  double to_ = 1;
  std::vector<treehold::cli::Tick> ticks_;
};

void put_bar(treehold::cli::Svg& svg, const Series& series, bool is_floor, double ratio,
             const Scale& scale, double y) {
  const bool own = series.name.starts_with("treehold");
  const char* name_class = own ? "own-name" : "name";
  const double middle = y + bar / 2;
  const double typical = median(series.values);
  svg.text(name_class, left - 10, middle + 4, "end", series.name);
  svg.put(R"(<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" rx="2"/>)",
          is_floor ? "floor" : (own ? "own" : "other"), left, y, scale.x_of(typical) - left, bar);
  const double to = scale.x_of(at(series.values, 0.95));
  svg.line("spread", scale.x_of(at(series.values, 0.05)), middle, to, middle);
  svg.text(name_class, std::max(to, scale.x_of(typical)) + 8, middle + 4, "start",
           fmt::format("{:.2f}  ({:.{}f})", ratio, typical, typical < 100 ? 1 : 0));
}

}  // namespace

std::string draw(const Comparison& comparison) {
  std::vector<const Series*> present;
  std::vector<double> medians;
  double end = 0;
  for (const Series& series : comparison.series) {
    if (!series.values.empty()) {
      present.push_back(&series);
      medians.push_back(median(series.values));
      end = std::max(end, at(series.values, 0.95));
    }
  }
  const Scale scale(*std::min_element(medians.begin(), medians.end()),
                    *std::max_element(medians.begin(), medians.end()), end);
  const double bottom = top + row * static_cast<double>(present.size());
  treehold::cli::Svg svg(width, bottom + 50, comparison.title, rules, dark_rules);
  svg.text("title", 16, 30, "start", comparison.title);
  for (const treehold::cli::Tick& tick : scale.ticks()) {
    svg.line("grid", scale.x_of(tick.value), top - 6, scale.x_of(tick.value), bottom);
    svg.text("tick", scale.x_of(tick.value), bottom + 16, "middle", tick.label);
  }
  svg.text("note", (left + right) / 2, bottom + 38, "middle",
           comparison.unit + (scale.logarithmic() ? ", logarithmic" : "") +
               ": the median, and from the 5th to the 95th percentile");
  for (std::size_t index = 0; index < present.size(); ++index) {
    put_bar(svg, *present[index], index == 0, medians[index] / medians.front(), scale,
            top + row * static_cast<double>(index));
  }
  return svg.finish();
}

}  // namespace bench
