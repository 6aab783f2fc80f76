// Linux's child subreaper as a reaper of the portable build, which is only tested here.
#include "platform/posix/reaper/descendants.hpp"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <set>

#include "platform/linux/agent/descendants.hpp"
#include "platform/linux/process_table.hpp"

namespace treehold::inline v0::platform {

Guarantee reapers_available() {
  if (lists_children()) {
    return {true, "PR_SET_CHILD_SUBREAPER, and /proc lists the children of a process", ""};
  }
  return {false, "/proc does not list the children of a process",
          "mount /proc, or run a kernel with CONFIG_PROC_CHILDREN"};
}

Guarantee forks_are_outrun() {
  return {
      false,
      "members are stopped one by one before any is killed: a bomb without a limit of processes "
      "may fork faster",
      ""};
}

long adopt_orphans() noexcept {
  return ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

std::size_t kill_descendants() noexcept {
  static agent::Descendants descendants;
  return descendants.end(::getpid());
}

std::vector<Descendant> descendants_of(pid_t reaper, pid_t /*leader*/) {
  std::vector<Descendant> found;
  for (const ProcessRecord& process : living_below({reaper})) {
    found.push_back({process.pid, process.state == 'T' || process.state == 't'});
  }
  return found;
}

std::size_t send_to_descendants(pid_t reaper, pid_t /*leader*/, int native_signal) {
  constexpr int most_looks = 100;  // one that forks and ends in a circle is met by chance
  std::set<pid_t> sent;
  bool more = true;
  for (int look = 0; more && look < most_looks; ++look) {
    more = false;
    for (const ProcessRecord& process : living_below({reaper})) {
      const UniqueFd pidfd =
          sent.count(process.pid) == 0 ? open_below(reaper, process) : UniqueFd();
      if (pidfd && ::syscall(SYS_pidfd_send_signal, pidfd.get(), native_signal, nullptr, 0) == 0) {
        sent.insert(process.pid);
        more = true;
      }
    }
  }
  return sent.size();
}

}  // namespace treehold::inline v0::platform
