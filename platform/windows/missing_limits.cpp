#include "platform/missing_limits.hpp"

namespace treehold::inline v0::platform {

const std::vector<MissingLimit>& missing_limits() {
  static const std::vector<MissingLimit> missing{
      {"swap", "a job object counts memory and its swap as one"},
      {"memory_high", "a job object reclaims nothing"},
      {"oom_kills_group", "above the limit of a job an allocation fails, and nobody is ended"},
      {"io", "limits of transfers have been taken out of Windows"},
  };
  return missing;
}

}  // namespace treehold::inline v0::platform
