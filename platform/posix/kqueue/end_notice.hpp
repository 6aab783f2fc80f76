// The end of a process as a descriptor, by kqueue(2): macOS and the BSDs.
#pragma once

#include <sys/types.h>

#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

/// A kqueue, which is readable from the end of `pid` on: its event is never taken from it. A fork
/// does not inherit it.
[[nodiscard]] UniqueFd watch_end_of(pid_t pid) noexcept;

}  // namespace treehold::inline v0::platform
