// What libproc tells of processes.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace treehold::inline v0::platform {

/// Numbers that the kernel gives to processes once and never again, also not to who they fork into
/// or execute.
struct UniqueIds {
  std::uint64_t own = 0;
  std::uint64_t bearer = 0;  ///< of the process that forked it, whoever is its parent by now
};
[[nodiscard]] std::optional<UniqueIds> unique_ids(pid_t pid) noexcept;

}  // namespace treehold::inline v0::platform
