// Starts a program through the helper. What a start has to hold, and why it is done this way, is in
// docs/spawn.md.
#pragma once

#include <sys/types.h>

#include <boost/system/error_code.hpp>
#include <optional>

#include "platform/posix/unique_fd.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

/// Where a child begins. Descriptors are borrowed.
struct Birthplace {
  int born_in = -1;  ///< directory of the cgroup to be born in (clone3, CLONE_INTO_CGROUP)
  int joins = -1;    ///< `cgroup.procs` of the cgroup that the helper joins before anything else
  bool own_process_group = false;
};

/// A started helper on its way to becoming the program.
struct Spawned {
  pid_t pid = -1;
  UniqueFd pidfd;
  UniqueFd report;  ///< read end; see agent/order.hpp
  UniqueFd standard_input;
  UniqueFd standard_output;
  UniqueFd standard_error;
};

/// Throws `SpawnFailed` (`launch`, `container`); no process is left then. The calling thread waits for
/// the helper's exec, never for the program's. Thread safe; blocks all signals of the calling thread
/// meanwhile.
[[nodiscard]] Spawned spawn(const SpawnPlan& plan, const Birthplace& place);

/// Whether this process can be given children born in the cgroup whose directory is `cgroup`. They are
/// not where clone3 is missing or refused (seccomp), nor where the caller's own cgroup was killed once:
/// the kernel (6.18) then kills every such child at birth. Finds out by one child that ends at once.
[[nodiscard]] bool can_be_born_in(int cgroup);

}  // namespace treehold::inline v0::platform
