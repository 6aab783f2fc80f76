// How much a pipe buffers: only some systems let it be asked for.
#pragma once

namespace treehold::inline v0::platform {

/// Lets the kernel buffer more in the pipe, if it will.
void widen_pipe(int pipe) noexcept;

}  // namespace treehold::inline v0::platform
