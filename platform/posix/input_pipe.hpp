// The writing end of a pipe, without SIGPIPE.
#pragma once

#include <memory>

#include "platform/platform.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

[[nodiscard]] std::unique_ptr<InputPipe> open_input_pipe(UniqueFd pipe, const Executor& executor);

}  // namespace treehold::inline v0::platform
