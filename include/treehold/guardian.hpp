// The guardian: a small process beside the host that ends the host's groups when the host has gone,
// also by SIGKILL.
//
// It is started with the first group, once a process, where the mechanism needs one (Linux:
// cgroup_v2 and process_group do; in reaper each start has a keeper), and again when it is found
// dead. It is no child of the host, is in a session of its own, uses less than 1 MiB and does
// nothing until the host ends, executes another program or unloads the library. What it promises
// for a group is in `Guarantees::survives_host_kill`.
//
// A fork of the host has no part in it: the groups live and end with the process that made them.
// A program that makes groups and calls daemon(3) afterwards ends them thereby.
#pragma once

#include <treehold/export.hpp>

namespace treehold::inline v0 {

enum class GuardianPolicy {
  on,   ///< the default
  off,  ///< no guardian: what is running when the host is killed goes on
};

/// For all groups of this process from now on: `off` sends the guardian away, `on` has one started
/// with the next group or process. Thread safe. On systems whose kernel ends the groups itself, and
/// where there is no guardian, it changes nothing.
TREEHOLD_EXPORT void set_guardian_policy(GuardianPolicy policy);
[[nodiscard]] TREEHOLD_EXPORT GuardianPolicy guardian_policy();

}  // namespace treehold::inline v0
