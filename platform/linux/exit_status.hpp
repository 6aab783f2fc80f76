// Exit statuses as the kernel's calls tell them.
#pragma once

#include <optional>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// Of waitpid(2), and of `exit_code` in proc(5).
[[nodiscard]] Outcome outcome_of_wait_status(int status);

/// Of waitid(2): `si_code` and `si_status`.
[[nodiscard]] Outcome outcome_of(int how, int status);

/// What the kernel (6.15 or newer) keeps for a pidfd when somebody else has reaped the process;
/// nothing before, and from an older one.
[[nodiscard]] std::optional<Outcome> outcome_kept_for(int pidfd);

}  // namespace treehold::inline v0::platform
