// What holds on Linux whatever the mechanism.
#pragma once

#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// The guarantees that do not depend on the mechanism, and `limit` for each limit.
[[nodiscard]] Guarantees common_guarantees(Mechanism mechanism, const Guarantee& limit);

}  // namespace treehold::inline v0::platform
