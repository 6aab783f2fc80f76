// The places that limits can come from, as the report tells them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// See `Guarantees::limit_places`. Makes nothing and asks nobody but the kernel.
[[nodiscard]] std::vector<std::pair<std::string, Guarantee>> cgroup_limit_places();

/// Whether this process can move into a leaf of its own cgroup; see placement.cpp.
[[nodiscard]] Guarantee leaf_guarantee();

}  // namespace treehold::inline v0::platform
