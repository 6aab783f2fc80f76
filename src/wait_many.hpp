// What the two forms of waiting for several processes share.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include <treehold/process.hpp>

#include "src/process_core.hpp"

namespace treehold::inline v0 {

/// When enough has been waited for.
enum class Until { one_is_over, all_are_over };

/// Throws `InvalidSetting` when one is null or was moved from, `NotOwner`.
[[nodiscard]] std::vector<std::shared_ptr<ProcessCore>> cores_of(
    const std::vector<Process*>& processes);

/// Waiting for one of none would never end: throws `InvalidSetting`.
void require_any(std::size_t count);

}  // namespace treehold::inline v0
