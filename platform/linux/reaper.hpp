// The mechanism reaper: a leaf is all that is below a keeper (posix/keeper.hpp), a group the set of
// its leaves.
//
// Orphans fall to the keeper, so that setsid(2) and double forks stay inside. It needs nothing from
// the host but /proc; it is for where no cgroup can be written, as in most containers.
#pragma once

#include <memory>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

/// Throws `Unsupported`, `LimitRefused`.
[[nodiscard]] std::shared_ptr<Group> make_reaper_group(const GroupSettings& settings);
[[nodiscard]] MechanismReport reaper_report();

}  // namespace treehold::inline v0::platform
