// What /proc tells of processes. Only a number is known of them here: whoever acts on an answer
// must make sure that the number still belongs to the same process.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

struct ProcessRecord {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t process_group = 0;
  char state = '?';
  std::string name;
};

/// /proc/PID/stat, as far as it is used here.
[[nodiscard]] std::optional<ProcessRecord> read_process(pid_t pid);

/// Whether the process runs: not a zombie, or one whose main thread alone has ended (state Z while
/// the others live on).
[[nodiscard]] bool is_alive(const ProcessRecord& process);

/// What one pass over the table of processes found of a process group. The pass takes a while, and
/// a member that forks and exits in a circle is always elsewhere: `living` may lack it.
struct ProcessGroupCensus {
  std::vector<ProcessRecord> living;
  std::vector<pid_t> zombies;
  bool complete = true;  ///< no process vanished between being listed and being read
};

/// Process groups by their numbers.
using ProcessGroupCensuses = std::map<pid_t, ProcessGroupCensus>;

/// One pass for all of these groups: it costs as much as for one.
[[nodiscard]] ProcessGroupCensuses census_of_process_groups(const std::set<pid_t>& groups);

/// Whether two passes, one after the other, prove that nothing of the group lives. A member that
/// evaded both left another zombie meanwhile, or vanished from one of them.
[[nodiscard]] bool prove_emptiness(const ProcessGroupCensus& first,
                                   const ProcessGroupCensus& second);

/// The wait status in the record of a zombie (`exit_code` of proc(5)); nothing when the process is
/// none, or the kernel hides it from us.
[[nodiscard]] std::optional<int> zombie_wait_status(pid_t pid);

/// Whether orphans become children of this process: it is PID 1 or a subreaper.
[[nodiscard]] bool adopts_orphans() noexcept;

/// Whether the kernel lists the children of a process (/proc/PID/task/TID/children, proc(5)).
[[nodiscard]] bool lists_children() noexcept;

/// Children of this process, zombies among them.
[[nodiscard]] std::vector<pid_t> own_children();

/// What lives below a process that adopts all its orphans. Whoever forks meanwhile may have
/// children that are not seen.
[[nodiscard]] std::vector<ProcessRecord> living_below(pid_t reaper);

/// Sends a signal to that very process below `reaper`, whatever has become of its number. False
/// when it has ended.
bool send_below(pid_t reaper, const ProcessRecord& process, int native_signal);

/// Whether the cgroup v2 path of a process or zombie is `path` or below it.
[[nodiscard]] bool is_in_cgroup(pid_t pid, const std::string& path);

}  // namespace treehold::inline v0::platform
