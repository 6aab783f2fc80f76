// What newer kernels tell of a process by its pidfd (PIDFD_GET_INFO, ioctl_pidfd(2)).
#pragma once

#include <cstdint>
#include <optional>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// How it ended, when somebody else has reaped it (Linux 6.15); nothing before.
[[nodiscard]] std::optional<Outcome> outcome_kept_for(int pidfd);

/// The cgroup of version 2 that it is in, or that a zombie was in at its end: the inode of the
/// group's directory (Linux 6.13).
[[nodiscard]] std::optional<std::uint64_t> cgroup_of(int pidfd);

}  // namespace treehold::inline v0::platform
