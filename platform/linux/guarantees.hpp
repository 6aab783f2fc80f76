// What holds on Linux whatever the mechanism.
#pragma once

#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// The guarantees that do not depend on the mechanism.
[[nodiscard]] Guarantees common_guarantees(Mechanism mechanism);

}  // namespace treehold::inline v0::platform
