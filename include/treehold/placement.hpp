// Where the host itself sits among cgroups.
#pragma once

#include <treehold/export.hpp>

namespace treehold::inline v0 {

/// Moves this process with all its threads from its cgroup into a group `treehold-host` made below,
/// so that controllers can be enabled for groups beside it: the kernel gives none to the groups
/// below one that holds processes (cgroups(7), "no internal processes"). For services that have a
/// delegated cgroup (`Delegate=yes`) to themselves; with `DelegateSubgroup=` it is not needed.
/// Nothing does this unasked. A second call, and one where the own cgroup is that group, changes
/// nothing. Throws `Unsupported`, with nothing moved, where there is no writable cgroup v2 or the
/// own cgroup holds other processes, too. Thread safe.
TREEHOLD_EXPORT void move_host_into_leaf();

}  // namespace treehold::inline v0
