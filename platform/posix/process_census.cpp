#include "platform/posix/process_census.hpp"

namespace treehold::inline v0::platform {

bool prove_emptiness(const ProcessGroupCensus& first, const ProcessGroupCensus& second) {
  return first.living.empty() && second.living.empty() && first.complete && second.complete &&
         first.zombies == second.zombies;
}

}  // namespace treehold::inline v0::platform
