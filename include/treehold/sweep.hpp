// Groups that a host has left behind: it was killed together with its guardian, or had none.
//
// Whose they are tells a lock alone (flock(2)), which a living host holds, and after it its
// guardian: what has an owner is not touched, in whichever PID or time namespace that lives. The
// next process that makes groups at the same place ends them, too; this is for those who would not
// wait for it, and for places where none comes any more.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <treehold/export.hpp>
#include <treehold/outcome.hpp>

namespace treehold::inline v0 {

struct SweepOptions {
  /// Where to look, with all below it: a directory of the cgroup v2 hierarchy. Empty: all of the
  /// hierarchy that is mounted here.
  std::string directory = {};

  /// Only tell what there is.
  bool dry_run = false;

  /// How long to wait for the end of what one host has left.
  std::chrono::nanoseconds patience = std::chrono::seconds(5);
};

/// All that one host has left behind.
struct StaleGroups {
  std::string directory;           ///< with all of its groups
  std::vector<ProcessId> members;  ///< when it was found; without those of outer PID namespaces
  bool ended = false;   ///< killed, and removed with what lay in hierarchies of version 1
  std::string problem;  ///< why it was not, where it was to be
};

/// Kills and removes what hosts have left behind; in no order. Where this process may not write,
/// nothing is ended, and the problem says so. Blocks; thread safe. Throws `Unsupported` where there
/// is no such directory, or no cgroup v2: without it nothing is left that could be found.
TREEHOLD_EXPORT std::vector<StaleGroups> sweep_stale_groups(const SweepOptions& options = {});

}  // namespace treehold::inline v0
