// Starts a program. What a start has to hold, the ways there are, and the figures that chose among
// them are in docs/spawn.md.
//
//     direct   The child is born in its leaf (clone3, CLONE_INTO_CGROUP), shares the host's memory,
//              makes itself what the plan asks for and executes the program. The host does not wait
//              for it: the end of the report pipe tells.
//     hop      A small helper program with memory of its own, in the host's cgroup, has a copy of
//              itself born in the leaf, which does the same, hands it over to the host and ends.
//              For what must not be done in shared memory: another user; a group whose members the
//              kernel may kill for want of memory, since it kills all that share memory with them.
//     join     The helper moves into the leaf itself. For where a child cannot be born in it:
//              clone3 is refused, or the group is limited by controllers of version 1 besides.
//              Moving costs milliseconds.
//
// Beside these a start may be kept: the helper has the program's process born as its own child, as
// hop and join do, and stays as its keeper (posix/keeper.hpp).
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>

#include "platform/posix/child_pipes.hpp"
#include "platform/posix/unique_fd.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

class CgroupDir;
class Controllers;
class GuardedProcessGroup;
class Keeper;
class Leader;

enum class SpawnWay { direct, hop, join };

/// What TREEHOLD_SPAWN forces ("direct", "hop", "join"), for tests. Throws `InvalidSetting`.
[[nodiscard]] std::optional<SpawnWay> forced_spawn_way();

/// Where a child begins.
struct Birthplace {
  SpawnWay way = SpawnWay::direct;  ///< direct is hop for what must not be done in shared memory
  const CgroupDir* leaf = nullptr;  ///< none: the host's own cgroup
  bool own_process_group = false;
  bool kept = false;  ///< by a keeper; always so where the kernel discards statuses
  const GuardedProcessGroup* guarded = nullptr;  ///< as what the guardian is told of it
  const Controllers* controllers = nullptr;      ///< what limits the leaf
};

/// A started child on its way to becoming the program.
struct Spawned : HostEnds {
  pid_t pid = -1;
  UniqueFd pidfd;
  std::shared_ptr<const void> shared_memory;  ///< used by the child until its report pipe ends
  std::shared_ptr<Keeper> keeper;             ///< whose child it is then, and not ours
};

/// Throws `SpawnFailed` (`launch`, `container`); no process is left then. Never waits for the
/// program's exec. Thread safe; blocks all signals of the calling thread for the moment of the
/// clone.
[[nodiscard]] Spawned spawn(const std::shared_ptr<const SpawnPlan>& plan, const Birthplace& place);

/// Takes over who was spawned.
[[nodiscard]] std::shared_ptr<Leader> make_leader(Spawned& spawned);

/// Whether this process can be given children born in `cgroup`. They are not where clone3 is
/// missing or refused (seccomp), nor where the caller's own cgroup was killed once: the kernel
/// (6.18) then kills every such child at birth. Finds out by a helper that has one born: a filter
/// may kill who tries. Throws `SpawnFailed` where it cannot be found out.
[[nodiscard]] bool can_be_born_in(const CgroupDir& cgroup);

}  // namespace treehold::inline v0::platform
