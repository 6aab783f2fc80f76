// What platform.hpp asks of the host and every POSIX system answers alike, but for this.
#pragma once

namespace treehold::inline v0::platform {

/// The highest number of a signal.
[[nodiscard]] int highest_signal() noexcept;

/// `environ`, environ(7); a shared library of macOS has it by another name.
[[nodiscard]] char** environment_block() noexcept;

}  // namespace treehold::inline v0::platform
