// A reaper and what is below it: what the mechanism asks of systems where orphans fall to a process
// that wants them. One implementation a system: posix/freebsd (procctl(2)), posix/linux (prctl(2)
// and /proc, where it is only tested).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// Whether there are reapers here, and what they rest on.
[[nodiscard]] Guarantee reapers_available();

/// Whether ending what is below one wins against members that fork meanwhile.
[[nodiscard]] Guarantee forks_are_outrun();

// -- In the keeper, which has no memory but its own stack and static data: only what is safe in a
// signal handler (signal-safety(7)).

/// From now on orphans below this process fall to it. A negated errno when that fails.
long adopt_orphans() noexcept;

/// Kills all that can be found below this process; how many of them lived. To be repeated.
std::size_t kill_descendants() noexcept;

// -- In the host. `leader` is the only child that the reaper bore itself.

struct Descendant {
  pid_t pid = 0;
  bool stopped = false;
};

/// What lives below a reaper that has not been reaped itself.
[[nodiscard]] std::vector<Descendant> descendants_of(pid_t reaper, pid_t leader);

/// Sends each of these a signal, and each of their children that is born meanwhile; to how many.
std::size_t send_to_descendants(pid_t reaper, pid_t leader, int native_signal);

}  // namespace treehold::inline v0::platform
