#include <treehold/error.hpp>
#include <treehold/sweep.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {

std::vector<StaleGroups> sweep_stale_groups(const SweepOptions& options) {
  if (options.patience < std::chrono::nanoseconds::zero()) {
    throw InvalidSetting("SweepOptions::patience", "is negative");
  }
  return platform::sweep_stale_groups(options);
}

}  // namespace treehold::inline v0
