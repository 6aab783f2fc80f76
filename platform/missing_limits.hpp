// Limits that a system does not have, whatever the mechanism.
#pragma once

#include <string_view>
#include <vector>

#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

struct MissingLimit {
  std::string_view name;  ///< as in limit_names()
  const char* reason;
  const char* remedy = "";
};

/// Those of this system.
[[nodiscard]] const std::vector<MissingLimit>& missing_limits();

/// Says of each why it is not there.
void report_missing_limits(Guarantees& all);

}  // namespace treehold::inline v0::platform
