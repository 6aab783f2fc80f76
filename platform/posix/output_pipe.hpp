// The reading end of a pipe.
#pragma once

#include <memory>

#include "platform/platform.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

[[nodiscard]] std::unique_ptr<OutputPipe> open_output_pipe(UniqueFd pipe, const Executor& executor);

}  // namespace treehold::inline v0::platform
