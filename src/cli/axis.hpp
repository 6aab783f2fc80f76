// The scales of a plot: where the ticks are, and how they are written.
#pragma once

#include <string>
#include <vector>

namespace treehold::cli {

struct Tick {
  double value = 0;
  std::string label;
};

/// From zero to `end`.
struct Axis {
  double end = 1;
  std::vector<Tick> ticks;
};

/// For values up to `most`; ends at a tick.
[[nodiscard]] Axis size_axis(double most);
[[nodiscard]] Axis cores_axis(double most);
[[nodiscard]] Axis count_axis(double most);

/// Seconds; ends at `most`.
[[nodiscard]] Axis time_axis(double most);

}  // namespace treehold::cli
