// The mechanism reaper, where the system has reapers: processes to which orphans below them fall.
// posix/reaper has it for FreeBSD, and for Linux, where that is only tested.
#pragma once

#include <memory>
#include <optional>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

/// Throws `Unsupported`, `LimitRefused`.
[[nodiscard]] std::shared_ptr<Group> make_reaper_group(const GroupSettings& settings);

/// Nothing where the system has no reapers.
[[nodiscard]] std::optional<MechanismReport> reaper_report();

}  // namespace treehold::inline v0::platform
