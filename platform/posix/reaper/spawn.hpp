// Starts a program as the child of a keeper (keep.hpp).
#pragma once

#include <memory>

#include "platform/posix/child_pipes.hpp"
#include "platform/posix/keeper.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

/// A started leader on its way to becoming the program, and who keeps its tree.
struct KeptSpawn : HostEnds {
  std::shared_ptr<Keeper> keeper;
  std::shared_ptr<Leader> leader;
};

/// Throws `SpawnFailed` (`launch`), `ProcessLimitReached` and, for what this system has not,
/// `Unsupported`; no process is left then. Waits for the leader's birth, never for its exec. Thread
/// safe; blocks all signals of the calling thread for the moment of the fork.
[[nodiscard]] KeptSpawn spawn_kept(const SpawnPlan& plan);

}  // namespace treehold::inline v0::platform
