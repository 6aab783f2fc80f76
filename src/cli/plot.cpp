#include "src/cli/plot.hpp"

#include <spdlog/fmt/fmt.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/cli/axis.hpp"
#include "src/cli/duration.hpp"
#include "src/cli/size.hpp"
#include "src/cli/svg.hpp"

namespace treehold::cli {
namespace {

// In pixels.
constexpr double width = 860;
constexpr double left = 84;
constexpr double right = width - 24;
constexpr double first_panel = 100;
constexpr double panel_height = 150;
constexpr double panel_distance = 208;

constexpr const char* rules = R"(
.name { font-size: 13px; font-weight: 600; fill: #1f2328; }
.curve { fill: none; stroke-width: 1.75; stroke-linejoin: round; }
.area { stroke: none; opacity: 0.15; }
#memory .curve { stroke: #0969da; } #memory .area { fill: #0969da; }
#cpu .curve { stroke: #1a7f37; } #cpu .area { fill: #1a7f37; }
#processes .curve { stroke: #8250df; } #processes .area { fill: #8250df; }
.limit { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 6 4; }
.limit-name { fill: #cf222e; }
)";

constexpr const char* dark_rules = R"(
  .name { fill: #f0f6fc; }
  #memory .curve { stroke: #4493f8; } #memory .area { fill: #4493f8; }
  #cpu .curve { stroke: #3fb950; } #cpu .area { fill: #3fb950; }
  #processes .curve { stroke: #ab7df8; } #processes .area { fill: #ab7df8; }
  .limit { stroke: #f85149; }
  .limit-name { fill: #f85149; }
)";

/// A corner of a curve: seconds, and what the panel shows.
struct Vertex {
  double at = 0;
  double value = 0;
};
using Curve = std::vector<Vertex>;

struct Panel {
  const char* id;
  const char* name;
  Curve curve;
  Axis (*axis)(double most);
  std::optional<double> limit = std::nullopt;
  std::string limit_name = {};
  std::string missing = {};  ///< stands in for a curve
};

Curve memory_curve(const std::vector<UsagePoint>& points) {
  Curve curve;
  for (const UsagePoint& point : points) {
    if (point.memory) {
      curve.push_back({in_seconds(point.at), static_cast<double>(*point.memory)});
    }
  }
  return curve;
}

/// Cores used between two points: a level from one to the other.
Curve cpu_curve(const std::vector<UsagePoint>& points) {
  // Within less, the times of the looks themselves are too coarse. A run that is shorter has no
  // better.
  constexpr std::chrono::milliseconds shortest{50};
  Curve curve;
  const UsagePoint* from = nullptr;
  for (const UsagePoint& point : points) {
    if (!point.cpu) {
      continue;
    }
    if (from == nullptr) {
      from = &point;
      continue;
    }
    const bool is_only_one = curve.empty() && &point == &points.back();
    if (point.at <= from->at || (point.at - from->at < shortest && !is_only_one)) {
      continue;
    }
    const double cores = in_seconds(*point.cpu - *from->cpu) / in_seconds(point.at - from->at);
    curve.push_back({in_seconds(from->at), cores});
    curve.push_back({in_seconds(point.at), cores});
    from = &point;
  }
  return curve;
}

/// A level from each look to the next.
Curve processes_curve(const std::vector<UsagePoint>& points) {
  Curve curve;
  for (const UsagePoint& point : points) {
    if (point.processes) {
      const double at = in_seconds(point.at);
      if (!curve.empty()) {
        curve.push_back({at, curve.back().value});
      }
      curve.push_back({at, static_cast<double>(*point.processes)});
    }
  }
  return curve;
}

std::string why_missing(const Guarantees& guarantees, std::string_view statistic) {
  for (const auto& [name, guarantee] : guarantees.statistics) {
    if (name == statistic && !guarantee.holds) {
      return "not known here: " + guarantee.reason;
    }
  }
  return "not known: the kernel does not tell";
}

std::vector<Panel> panels_of(const Plot& plot) {
  const Limits& limits = plot.limits;
  Panel memory{"memory", "Memory", memory_curve(plot.points), size_axis};
  if (limits.memory) {
    memory.limit = static_cast<double>(*limits.memory);
    memory.limit_name = "limit " + format_size(*memory.limit);
  }
  Panel cpu{"cpu", "CPU (cores)", cpu_curve(plot.points), cores_axis};
  if (limits.cpus) {
    cpu.limit = limits.cpus;
    cpu.limit_name = fmt::format("limit {:g} cores", *limits.cpus);
  }
  Panel processes{"processes", "Processes", processes_curve(plot.points), count_axis};
  if (limits.processes) {
    processes.limit = static_cast<double>(*limits.processes);
    processes.limit_name = fmt::format("limit {} (counts threads)", *limits.processes);
  }
  std::vector<Panel> panels{std::move(memory), std::move(cpu), std::move(processes)};
  for (Panel& panel : panels) {
    if (panel.curve.empty()) {
      panel.missing = why_missing(plot.guarantees, panel.id);
    }
  }
  return panels;
}

constexpr double bottom_of(std::size_t panels) noexcept {
  return first_panel + static_cast<double>(panels - 1) * panel_distance + panel_height;
}

class Drawing {
 public:
  Drawing(const Plot& plot, const std::vector<Panel>& panels)
      : svg_(width, bottom_of(panels.size()) + 56, plot.title, rules, dark_rules) {
    double last = 0;
    for (const UsagePoint& point : plot.points) {
      last = std::max(last, in_seconds(point.at));
    }
    time_ = time_axis(last);
    svg_.text("title", left, 34, "start", plot.title);
    svg_.text("note", left, 56, "start", plot.subtitle);
    double top = first_panel;
    for (const Panel& panel : panels) {
      put_panel(panel, top);
      top += panel_distance;
    }
    svg_.text("note", (left + right) / 2, bottom_of(panels.size()) + 42, "middle",
              "time since the start");
  }

  [[nodiscard]] std::string finish() { return svg_.finish(); }

 private:
  [[nodiscard]] double x_of(double at) const { return left + (right - left) * at / time_.end; }

  void put_panel(const Panel& panel, double top) {
    const double bottom = top + panel_height;
    svg_.put(R"(<g id="{}">)", panel.id);
    svg_.text("name", left, top - 10, "start", panel.name);
    if (panel.missing.empty()) {
      put_curve(panel, bottom);
    } else {
      svg_.line("grid", left, bottom, right, bottom);
      svg_.text("missing", (left + right) / 2, top + panel_height / 2, "middle", panel.missing);
    }
    for (const Tick& tick : time_.ticks) {
      svg_.line("grid", x_of(tick.value), bottom, x_of(tick.value), bottom + 5);
      svg_.text("tick", x_of(tick.value), bottom + 19, "middle", tick.label);
    }
    svg_.put("</g>");
  }

  void put_curve(const Panel& panel, double bottom) {
    double most = panel.limit.value_or(0);
    for (const Vertex& vertex : panel.curve) {
      most = std::max(most, vertex.value);
    }
    const Axis axis = panel.axis(most);
    const auto y_of = [&axis, bottom](double value) {
      return bottom - panel_height * value / axis.end;
    };
    for (const Tick& tick : axis.ticks) {
      svg_.line("grid", left, y_of(tick.value), right, y_of(tick.value));
      svg_.text("tick", left - 8, y_of(tick.value) + 4, "end", tick.label);
    }
    std::string path;
    for (const Vertex& vertex : panel.curve) {
      fmt::format_to(std::back_inserter(path), "{}{:.1f} {:.1f}", path.empty() ? "M" : "L",
                     x_of(vertex.at), y_of(vertex.value));
    }
    svg_.put(R"(<path class="area" d="{}L{:.1f} {:.1f}L{:.1f} {:.1f}Z"/>)", path,
             x_of(panel.curve.back().at), bottom, x_of(panel.curve.front().at), bottom);
    svg_.put(R"(<path class="curve" d="{}"/>)", path);
    if (panel.limit) {
      svg_.line("limit", left, y_of(*panel.limit), right, y_of(*panel.limit));
      svg_.text("limit-name", right, y_of(*panel.limit) - 5, "end", panel.limit_name);
    }
  }

  Svg svg_;
  Axis time_;
};

}  // namespace

std::string draw(const Plot& plot) {
  return Drawing(plot, panels_of(plot)).finish();
}

}  // namespace treehold::cli
