// Pipes whose host's end can be waited for together with everything else: anonymous ones cannot.
#pragma once

#include <memory>

#include "platform/platform.hpp"
#include "platform/windows/unique_handle.hpp"

namespace treehold::inline v0::platform {

/// Neither end is inheritable.
struct Pipe {
  UniqueHandle host;   ///< for overlapped operations
  UniqueHandle child;  ///< for the ordinary ones that programs expect
};

enum class Direction { to_host, to_child };

/// Nobody else can open either end. Throws `SpawnFailed` (`launch`).
[[nodiscard]] Pipe make_pipe(Direction direction);

[[nodiscard]] std::unique_ptr<OutputPipe> open_output_pipe(UniqueHandle pipe,
                                                           const Executor& executor);
[[nodiscard]] std::unique_ptr<InputPipe> open_input_pipe(UniqueHandle pipe,
                                                         const Executor& executor);

}  // namespace treehold::inline v0::platform
