// The mechanism process_group: a leaf is a POSIX process group, a group the set of its leaves.
//
// A member that calls setsid(2) or setpgid(2) leaves it; guarantees() says so. Its advantage is
// that it needs nothing from the host.
#pragma once

#include <memory>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

[[nodiscard]] std::shared_ptr<Group> make_process_group_group(const GroupSettings& settings);
[[nodiscard]] MechanismReport process_group_report();

}  // namespace treehold::inline v0::platform
