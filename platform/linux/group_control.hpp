// Decides what limits and counts a group: controllers of the unified hierarchy where it can be
// given all that its limits need, else those of version 1.
#pragma once

#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/controllers.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

struct GroupControl {
  enum class By { nothing, unified, version_1 };
  By by = By::nothing;
  CgroupPlace place;          ///< of the group
  ControllerSet controllers;  ///< all that the limits need, and what there is for counting
};

/// Makes nothing. Throws `LimitRefused` where a limit cannot be held.
[[nodiscard]] GroupControl find_group_control(const GroupSettings& settings);

}  // namespace treehold::inline v0::platform
