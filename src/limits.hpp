// Checks of limits that need no system.
#pragma once

#include <treehold/limits.hpp>

namespace treehold::inline v0 {

/// Throws `LimitRefused` (invalid) for the first value that makes no sense.
void require_valid(const Limits& limits);

}  // namespace treehold::inline v0
