// Asks members of a job to end by themselves, in the ways that Windows has instead of signals.
#pragma once

#include <set>
#include <vector>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// CTRL_BREAK to the console process group of `leader`, which must have been started as the first
/// of one, and must not have been reaped. Whether the system took it.
[[nodiscard]] bool send_ctrl_break(ProcessId leader) noexcept;

/// WM_CLOSE to the windows of each of the processes; to which of these.
[[nodiscard]] std::set<ProcessId> close_windows(const std::vector<ProcessId>& processes);

}  // namespace treehold::inline v0::platform
