// What hosts have left behind that were killed together with their guardian, or had none.
//
// Whose umbrella it is tells its lock alone: a living host, or the guardian of a dead one, holds
// it. Numbers and times of processes decide nothing, since PID namespaces repeat them.
#pragma once

namespace treehold::inline v0::platform {

class CgroupDir;

/// Ends and removes the umbrellas in `place` whose lock is free, and what lies beside them in
/// hierarchies of version 1. Takes no longer than a moment: what does not end so soon is left to
/// the guardian.
void sweep(const CgroupDir& place);

}  // namespace treehold::inline v0::platform
