// The limits by the names that errors, guarantees and evidence have for them: those of the members
// of `Limits`.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <treehold/limits.hpp>

namespace treehold::inline v0::platform {

[[nodiscard]] const std::vector<std::string>& limit_names();

/// Whether the limit of that name is set.
[[nodiscard]] bool is_set(const Limits& limits, std::string_view name);

}  // namespace treehold::inline v0::platform
