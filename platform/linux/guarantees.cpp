#include "platform/linux/guarantees.hpp"

#include "platform/linux/leader.hpp"

namespace treehold::inline v0::platform {

Guarantees common_guarantees(Mechanism mechanism) {
  Guarantees all;
  all.mechanism = mechanism;
  all.exit_status_kept = exit_status_guarantee();
  all.statistics.emplace_back("resource_use",
                              Guarantee{true, "rusage of the leader and what it waited for", ""});
  all.limit_places.emplace_back("refusal", refusal_guarantee());
  return all;
}

Guarantee refusal_guarantee() {
  return {true, "a limit that nothing here can hold is refused before anything is started", ""};
}

}  // namespace treehold::inline v0::platform
