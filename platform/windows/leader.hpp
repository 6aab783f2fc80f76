// Notices of a leader's life.
#pragma once

#include <memory>
#include <vector>

#include "platform/platform.hpp"
#include "platform/windows/job.hpp"
#include "platform/windows/unique_handle.hpp"

namespace treehold::inline v0::platform {

/// Of a program that runs; `jobs` are those that it is in.
[[nodiscard]] std::unique_ptr<LeaderWatch> watch_leader(
    UniqueHandle process, std::vector<std::shared_ptr<const Job>> jobs, const Executor& executor);

/// Of one that could not be started.
[[nodiscard]] std::unique_ptr<LeaderWatch> watch_failure(const SpawnFailure& failure,
                                                         const Executor& executor);

}  // namespace treehold::inline v0::platform
