// Checks of limits that need no group.
#pragma once

#include <treehold/limits.hpp>

namespace treehold::inline v0 {

/// Throws `LimitRefused`: for the first value that makes no sense (invalid), for what this system
/// does not have (unsupported).
void require_valid(const Limits& limits);

}  // namespace treehold::inline v0
