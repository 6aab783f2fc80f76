// The helper program as a file to execute: the installed copy when it is the one this library was
// built with, a memory file of the embedded copy otherwise.
#pragma once

namespace treehold::inline v0::platform {

/// A descriptor for `execveat(fd, "", …, AT_EMPTY_PATH)`, opened on first use and kept for the life
/// of the process. Thread safe. Throws `SpawnFailed` (`launch`) when neither copy can be had.
[[nodiscard]] int agent_program();

}  // namespace treehold::inline v0::platform
