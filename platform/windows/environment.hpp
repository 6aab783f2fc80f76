// The environment as CreateProcess takes it.
#pragma once

#include <string>
#include <vector>

namespace treehold::inline v0::platform {

/// All variables (NAME=value), sorted by name without regard to case, each with a NUL behind it and
/// one more at the end.
[[nodiscard]] std::wstring environment_block(const std::vector<std::string>& variables);

}  // namespace treehold::inline v0::platform
