// Exit statuses as the kernel's calls tell them.
#pragma once

#include <sys/resource.h>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// Of waitpid(2), and of `exit_code` in proc(5).
[[nodiscard]] Outcome outcome_of_wait_status(int status);

/// Of waitid(2): `si_code` and `si_status`.
[[nodiscard]] Outcome outcome_of(int how, int status);

/// Of getrusage(2), where it counts memory in KiB (Linux, BSD).
[[nodiscard]] ResourceUse resource_use(const rusage& usage);

}  // namespace treehold::inline v0::platform
