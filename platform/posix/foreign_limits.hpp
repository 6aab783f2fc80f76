// Limits that only other systems have.
#pragma once

#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// Says of each why it is not there.
void report_foreign_limits(Guarantees& all);

}  // namespace treehold::inline v0::platform
