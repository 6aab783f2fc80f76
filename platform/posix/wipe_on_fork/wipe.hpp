// Memory that a fork does not inherit: Linux and FreeBSD.
#pragma once

#include <cstddef>

namespace treehold::inline v0::platform {

/// Has the kernel empty these pages in every fork. False, with errno, when it does not.
[[nodiscard]] bool wipe_in_forks(void* memory, std::size_t size) noexcept;

}  // namespace treehold::inline v0::platform
