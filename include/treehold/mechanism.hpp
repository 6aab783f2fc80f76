// What holds a process tree together on this host, and what that is worth.
//
// Not every kernel object can keep the same promises. treehold never pretends: a group tells its
// mechanism, and for each promise whether it holds here, why not, and what would make it hold.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

/// The kernel object that contains a group.
enum class Mechanism {
  cgroup_v2,      ///< Linux control group, version 2; kernel 5.14 or newer (`cgroup.kill`)
  reaper,         ///< a process a start to which orphans fall: child subreaper of Linux, procctl(2)
                  ///< of FreeBSD
  process_group,  ///< POSIX process group: holds only members that do not leave it
  job_object,     ///< Windows job object
};

/// "cgroup_v2", "reaper", "process_group", "job_object".
[[nodiscard]] TREEHOLD_EXPORT std::string_view to_string(Mechanism mechanism) noexcept;

/// One promise: whether it holds, and why.
struct Guarantee {
  bool holds = false;
  std::string reason;  ///< what it rests on, or why it does not hold (path, errno)
  std::string remedy;  ///< what would make it hold; empty when it holds or nothing would
};

/// What holds for one group (or one mechanism) on this host.
struct Guarantees {
  Mechanism mechanism = Mechanism::process_group;
  Guarantee escape_contained;     ///< setsid(2) and double forks stay inside
  Guarantee fork_bomb_contained;  ///< killing wins against a tree that forks while it is killed
  Guarantee survives_host_kill;   ///< the tree ends even when the host is ended by SIGKILL
  Guarantee atomic_freeze;        ///< `suspend` stops all members at one moment
  Guarantee members_complete;     ///< `members` lists the whole tree
  Guarantee
      exit_status_kept;  ///< the leader's exit status is told even if the host ignores SIGCHLD
  std::vector<std::pair<std::string, Guarantee>> limits;  ///< by name: "memory", "processes", …
  /// Where limits come from, in the order in which it is looked for them: "delegation_root" (the
  /// own cgroup, or the nearest above that was delegated), "named_directory", on request
  /// "host_leaf" and "scope" (<treehold/placement.hpp>), "version_1" on hybrid hosts, "refusal". A
  /// place holds when limits can come from it; one on request when it can be requested.
  std::vector<std::pair<std::string, Guarantee>> limit_places;
  std::vector<std::pair<std::string, Guarantee>> statistics;  ///< by name: "cpu", "memory", …
  std::vector<std::string> not_covered;  ///< what containment does not cover, in sentences
};

/// One mechanism as it stands on this host.
struct MechanismReport {
  Guarantee available;    ///< whether groups can be made with it here
  Guarantees guarantees;  ///< what a group made with it would promise
};

/// What treehold can do on this host.
struct HostReport {
  std::vector<MechanismReport> mechanisms;  ///< best first; the first available one is the default
  std::string kernel;                       ///< release of the running kernel
};

/// Looks at the host without making a group or starting a process.
/// Thread safe; throws `Error` only when the system cannot be asked at all.
[[nodiscard]] TREEHOLD_EXPORT HostReport host_report();

}  // namespace treehold::inline v0
