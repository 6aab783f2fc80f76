// Starts a program by fork(2), which every POSIX system has. The child is a process group's leader
// from its birth on.
#pragma once

#include <memory>

#include "platform/posix/child_pipes.hpp"
#include "platform/posix/leader.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

/// A started child on its way to becoming the program.
struct Spawned : HostEnds {
  std::shared_ptr<Leader> leader;
};

/// Throws `SpawnFailed` (`launch`) and, for what this system has not, `Unsupported`; no process is
/// left then. Never waits for the program's exec. Thread safe; blocks all signals of the calling
/// thread for the moment of the fork, in which the handlers of pthread_atfork(3) run.
[[nodiscard]] Spawned spawn(const SpawnPlan& plan);

}  // namespace treehold::inline v0::platform
