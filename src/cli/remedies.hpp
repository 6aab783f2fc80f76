// What would make treehold able to do more on this host.
#pragma once

#include <string>
#include <vector>

#include <treehold/mechanism.hpp>

namespace treehold::cli {

struct Remedy {
  std::string text;                  ///< `Guarantee::remedy`
  std::vector<std::string> enables;  ///< "escape_contained", "limits.memory", "statistics.io"
};

/// Each remedy once, for what no mechanism that is available here promises.
[[nodiscard]] std::vector<Remedy> remedies_of(const HostReport& report);

}  // namespace treehold::cli
