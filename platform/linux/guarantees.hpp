// What holds on Linux whatever the mechanism.
#pragma once

#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// The guarantees that do not depend on the mechanism.
[[nodiscard]] Guarantees common_guarantees(Mechanism mechanism);

/// What becomes of a limit that no place can hold.
[[nodiscard]] Guarantee refusal_guarantee();

}  // namespace treehold::inline v0::platform
