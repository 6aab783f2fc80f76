// The mechanism cgroup_v2: a group is a directory below the umbrella, a leaf a directory below the
// group.
#pragma once

#include <memory>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

/// Throws `Unsupported` with the reason, `LimitRefused`.
[[nodiscard]] std::shared_ptr<Group> make_cgroup_group(const GroupSettings& settings);

[[nodiscard]] MechanismReport cgroup_report();

}  // namespace treehold::inline v0::platform
