// Which kernel this is.
#pragma once

namespace treehold::inline v0::platform {

/// By its release. For what cannot be asked of the kernel without doing it.
[[nodiscard]] bool kernel_is_at_least(int major, int minor) noexcept;

}  // namespace treehold::inline v0::platform
