// The mechanism process_group without anything that only one system has: a leaf is a process group,
// and those that have left it are looked for by their descent.
#pragma once

#include <memory>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

[[nodiscard]] std::shared_ptr<Group> make_process_group_group(const GroupSettings& settings);
[[nodiscard]] MechanismReport process_group_report();

}  // namespace treehold::inline v0::platform
