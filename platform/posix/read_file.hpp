// Small files of the kernel, read whole.
#pragma once

#include <optional>
#include <string>

namespace treehold::inline v0::platform {

/// The content of a file; nothing, with errno, when it cannot be read. `at` is a directory
/// descriptor for a relative name.
[[nodiscard]] std::optional<std::string> read_file(const std::string& path);
[[nodiscard]] std::optional<std::string> read_all(int fd);

}  // namespace treehold::inline v0::platform
