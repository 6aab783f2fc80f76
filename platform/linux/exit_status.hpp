// Exit statuses as the kernel's calls tell them.
#pragma once

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// Of waitpid(2), and of `exit_code` in proc(5).
[[nodiscard]] Outcome outcome_of_wait_status(int status);

/// Of waitid(2): `si_code` and `si_status`.
[[nodiscard]] Outcome outcome_of(int how, int status);

}  // namespace treehold::inline v0::platform
