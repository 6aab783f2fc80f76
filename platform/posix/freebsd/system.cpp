// The answers of FreeBSD to posix/system.hpp and portable/system.hpp; FreeBSD 14 is asked for.
#include "platform/posix/system.hpp"

#include <fcntl.h>
#include <sys/param.h>
#include <sys/procctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "platform/posix/exit_status.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {
namespace {

ResourceUse use_of_all(const __wrusage& usage) {
  ResourceUse use = resource_use(usage.wru_self);
  const ResourceUse children = resource_use(usage.wru_children);
  use.user += children.user;
  use.system += children.system;
  use.peak_resident_bytes = std::max(use.peak_resident_bytes, children.peak_resident_bytes);
  return use;
}

/// Whether orphans become children of this process.
bool adopts_orphans() noexcept {
  procctl_reaper_status status{};
  return ::procctl(P_PID, static_cast<id_t>(::getpid()), PROC_REAP_STATUS, &status) == 0 &&
         (status.rs_flags & REAPER_STATUS_OWNED) != 0;
}

}  // namespace

int open_pipe(int (&ends)[2]) noexcept {
  return ::pipe2(ends, O_CLOEXEC);
}

bool wait_for_exit(const ChildHandle& child, int flags, siginfo_t& info,
                   std::optional<ResourceUse>* use) noexcept {
  std::memset(&info, 0, sizeof info);
  __wrusage usage{};
  if (::wait6(P_PID, static_cast<id_t>(child.pid), nullptr, WEXITED | WNOHANG | flags, &usage,
              &info) < 0) {
    return false;
  }
  if (use != nullptr) {
    *use = use_of_all(usage);
  }
  return true;
}

// -- portable/system.hpp
// ---------------------------------------------------------------------------

std::string_view system_name() noexcept {
  return "FreeBSD";
}

bool reaper_is_preferred() noexcept {
  return true;
}

Guarantee resource_use_guarantee() {
  return {true, "rusage of the leader and what it waited for", ""};
}

long close_the_rest_at_exec() noexcept {
  return ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ? 0 : -errno;
}

long become_member(std::size_t count, const gid_t* groups) noexcept {
  // Until FreeBSD 15 the first is no supplementary group, but the effective one. Of the child's own
  // stack: no allocation here.
  constexpr std::size_t leading = __FreeBSD_version < 1500000 ? 1 : 0;
  gid_t all[NGROUPS_MAX + leading] = {::getegid()};
  if (count > NGROUPS_MAX) {
    return -EINVAL;
  }
  std::copy_n(groups, count, all + leading);
  return ::setgroups(static_cast<int>(count + leading), all) == 0 ? 0 : -errno;
}

bool send_to_process(const ProcessRecord& process, int native_signal) noexcept {
  try {
    const std::optional<ProcessRecord> now = read_process(process.pid);
    return now && now->birth == process.birth && ::kill(process.pid, native_signal) == 0;
  } catch (...) {  // no memory
    return false;
  }
}

bool group_signals_are_atomic() noexcept {
  return true;  // FreeBSD 14: a fork waits for the signal to the group, or begins anew behind it
}

void reap_orphans_of(pid_t group) {
  if (!adopts_orphans()) {
    return;
  }
  std::vector<pid_t> zombies;
  for (const ProcessRecord& process : read_process_table().processes) {
    if (process.parent == ::getpid() && process.process_group == group && process.pid != group &&
        process.state == 'Z') {
      zombies.push_back(process.pid);
    }
  }
  leave_out_own_children(zombies);
  for (const pid_t zombie : zombies) {
    (void)::waitpid(zombie, nullptr, WNOHANG);
  }
}

}  // namespace treehold::inline v0::platform
