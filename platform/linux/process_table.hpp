// What /proc tells of processes. Only a number is known of them here: whoever acts on an answer
// must make sure that the number still belongs to the same process.
#pragma once

#include <sys/types.h>

#include <optional>
#include <set>
#include <string>
#include <vector>

#include <treehold/outcome.hpp>

#include "platform/posix/process_census.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

/// Whether the process runs: not a zombie, or one whose main thread alone has ended (state Z while
/// the others live on).
[[nodiscard]] bool is_alive(const ProcessRecord& process);

/// One pass for all of these groups: it costs as much as for one.
[[nodiscard]] ProcessGroupCensuses census_of_process_groups(const std::set<pid_t>& groups);

/// The wait status in the record of a zombie (`exit_code` of proc(5)); nothing when the process is
/// none, or the kernel hides it from us.
[[nodiscard]] std::optional<int> zombie_wait_status(pid_t pid);

/// Whether orphans become children of this process: it is PID 1 or a subreaper.
[[nodiscard]] bool adopts_orphans() noexcept;

/// Whether the kernel lists the children of a process (/proc/PID/task/TID/children, proc(5)).
[[nodiscard]] bool lists_children() noexcept;

/// Children of this process, zombies among them.
[[nodiscard]] std::vector<pid_t> own_children();

/// Reaps the zombies of the emptied process group that fell to this process, PID 1 or a subreaper.
/// Its leader, whose exit status is another's to read, stays, and with it the group's number.
void reap_orphans(pid_t group);

/// What lives below these processes, parents before their children. Whoever forks meanwhile may
/// have children that are not seen; orphans are seen below one that adopts them.
[[nodiscard]] std::vector<ProcessRecord> living_below(const std::set<pid_t>& roots);

/// A pidfd of that very process, which was found below `reaper`, whatever has become of its number;
/// none when it has ended, or, with errno, when there is no descriptor to be had.
[[nodiscard]] UniqueFd open_below(pid_t reaper, const ProcessRecord& process);

/// Whether the cgroup v2 path of a process or zombie is `path` or below it.
[[nodiscard]] bool is_in_cgroup(pid_t pid, const std::string& path);

}  // namespace treehold::inline v0::platform
