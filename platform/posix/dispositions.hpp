// How the host handles SIGCHLD. It is never changed.
#pragma once

namespace treehold::inline v0::platform {

/// Whether the kernel reaps children of this process by itself (SIGCHLD is ignored, sigaction(2)).
[[nodiscard]] bool exit_statuses_are_discarded() noexcept;

}  // namespace treehold::inline v0::platform
