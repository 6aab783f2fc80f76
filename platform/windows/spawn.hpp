// Starts a program as a member of jobs, with nothing inherited but its standard handles.
#pragma once

#include <optional>
#include <vector>

#include <treehold/error.hpp>

#include "platform/platform.hpp"
#include "platform/windows/unique_handle.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

/// The host's part of a start. Where it failed there is no process.
struct Spawned {
  std::optional<SpawnFailure> failure;
  ProcessId pid = 0;
  UniqueHandle process;
  UniqueHandle standard_input;
  UniqueHandle standard_output;
  UniqueHandle standard_error;
};

/// The first instruction of the program is run inside all of `jobs`, of which each is nested in the
/// one before. Throws `SpawnFailed` (`launch`).
[[nodiscard]] Spawned spawn(const SpawnPlan& plan, std::vector<HANDLE> jobs);

}  // namespace treehold::inline v0::platform
