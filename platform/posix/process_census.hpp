// What one look at the table of processes tells of process groups. Only a number is known of a
// process here: whoever acts on an answer must make sure that it still belongs to the same process.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace treehold::inline v0::platform {

struct ProcessRecord {
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t process_group = 0;
  char state = '?';  ///< as Linux has it: Z a zombie, T and t stopped
  std::string name;
  std::uint64_t birth = 0;         ///< tells it from others that had its number
  std::uint64_t parent_birth = 0;  ///< of who bore it; 0 where the system does not tell
};

/// Calls `visit` with the number of each process and zombie, soon after it was seen there.
void for_each_process(const std::function<void(pid_t)>& visit);

/// A process or a zombie, by its number; nothing when there is none, or it is hidden from us.
[[nodiscard]] std::optional<ProcessRecord> read_process(pid_t pid);

/// What one pass over the table of processes found of a process group. The pass takes a while, and
/// a member that forks and exits in a circle is always elsewhere: `living` may lack it.
struct ProcessGroupCensus {
  std::vector<ProcessRecord> living;
  std::vector<pid_t> zombies;
  bool complete = true;  ///< no process vanished between being listed and being read
};

/// Process groups by their numbers.
using ProcessGroupCensuses = std::map<pid_t, ProcessGroupCensus>;

/// Whether two passes, one after the other, prove that nothing of the group lives. A member that
/// evaded both left another zombie meanwhile, or vanished from one of them.
[[nodiscard]] bool prove_emptiness(const ProcessGroupCensus& first,
                                   const ProcessGroupCensus& second);

}  // namespace treehold::inline v0::platform
