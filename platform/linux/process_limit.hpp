// Whose limit it is when the kernel refuses one more process.
#pragma once

#include <treehold/error.hpp>

namespace treehold::inline v0::platform {

class CgroupDir;

/// After a clone into `leaf` of a group (none: the host's own cgroup) that failed with EAGAIN:
/// looks for a cgroup above that is full, then at RLIMIT_NPROC.
[[nodiscard]] ProcessLimitReached process_limit_reached(const CgroupDir* leaf);

}  // namespace treehold::inline v0::platform
