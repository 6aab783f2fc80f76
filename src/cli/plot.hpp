// What a run used over time, drawn as SVG.
#pragma once

#include <string>
#include <vector>

#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>

#include "src/cli/usage_history.hpp"

namespace treehold::cli {

struct Plot {
  std::string title;
  std::string subtitle;
  std::vector<UsagePoint> points;
  Limits limits;          ///< drawn where one belongs to a panel
  Guarantees guarantees;  ///< has the reasons for what is not counted
};

/// A whole file: memory, CPU and processes above one axis of time. Needs nothing else to be shown,
/// and follows the viewer's light or dark scheme.
[[nodiscard]] std::string draw(const Plot& plot);

}  // namespace treehold::cli
