// Signals that are held back, taken without a handler.
#pragma once

#include <signal.h>

#include <chrono>
#include <optional>

namespace treehold::inline v0::platform {

/// Takes a signal of `set`, which this thread blocks: its number. Waits for one at most as long as
/// `bound`, for ever without one; then, or when interrupted, it is 0.
[[nodiscard]] int take_signal(const sigset_t& set, std::optional<std::chrono::nanoseconds> bound);

}  // namespace treehold::inline v0::platform
