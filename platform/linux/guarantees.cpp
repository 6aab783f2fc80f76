#include "platform/linux/guarantees.hpp"

#include "platform/posix/dispositions.hpp"

namespace treehold::inline v0::platform {

namespace {

Guarantee exit_status_guarantee() {
  if (exit_statuses_are_discarded()) {
    return {true, "SIGCHLD is ignored by the host: each leader has a keeper, which waits for it",
            ""};
  }
  return {true, "the kernel keeps it until the leader is reaped", ""};
}

}  // namespace

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
