// Controllers of version 1, each in a hierarchy of its own: on hosts in hybrid mode, where the
// unified hierarchy contains and these limit. Groups are made below the host's own path of each
// controller, with libcgroup.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "platform/linux/controllers.hpp"

namespace treehold::inline v0::platform {

/// Why a controller of version 1 cannot be used here; nothing when it can.
struct HybridProblem {
  std::string path;
  std::string reason;
  boost::system::error_code error;
};
[[nodiscard]] std::optional<HybridProblem> hybrid_problem(Controller controller);

/// Where groups of `controller` would be made.
[[nodiscard]] std::string hybrid_place(Controller controller);

/// Makes the group `name` ("umbrella/group") in each of `wanted`. Throws `LimitRefused`,
/// whose limit is the one of `limits` that needs the controller.
[[nodiscard]] std::unique_ptr<Controllers> hybrid_controllers(const ControllerSet& wanted,
                                                              const Limits& limits,
                                                              const std::string& umbrella,
                                                              const std::string& group);

}  // namespace treehold::inline v0::platform
