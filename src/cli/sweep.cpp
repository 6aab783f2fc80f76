#include "src/cli/sweep.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <iostream>
#include <string>
#include <vector>

#include "src/cli/run.hpp"

namespace treehold::cli {

int sweep(const SweepOptions& options) {
  const std::vector<StaleGroups> all = sweep_stale_groups(options);
  bool all_ended = true;
  for (const StaleGroups& groups : all) {
    const std::string members = groups.members.empty()
                                    ? "no process"
                                    : fmt::format("processes {}", fmt::join(groups.members, " "));
    if (options.dry_run || groups.ended) {
      std::cout << fmt::format("{}{}: {}\n", groups.ended ? "ended " : "", groups.directory,
                               members);
    } else {
      std::cerr << fmt::format("treehold: {}: {}: {}\n", groups.directory, members, groups.problem);
      all_ended = false;
    }
  }
  if (all.empty()) {
    std::cout << "nothing is left behind\n";
  }
  return all_ended ? 0 : own_failure_status;
}

}  // namespace treehold::cli
