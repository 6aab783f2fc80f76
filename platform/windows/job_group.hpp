// Mechanism job_object: a job a group, and in it one a start.
#pragma once

#include <memory>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

[[nodiscard]] std::shared_ptr<Group> make_job_group(const GroupSettings& settings);
[[nodiscard]] MechanismReport job_object_report();

}  // namespace treehold::inline v0::platform
