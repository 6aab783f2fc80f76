// Linux's answers to the portable build, which takes only what other systems have something like.
#include "platform/posix/system.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "platform/linux/exit_wait.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {

bool wait_for_exit(const ChildHandle& child, int flags, siginfo_t& info,
                   std::optional<ResourceUse>* use) noexcept {
  return wait_with_usage(P_PID, static_cast<id_t>(child.pid), flags, info, use);
}

// -- portable/system.hpp
// ---------------------------------------------------------------------------

std::string_view system_name() noexcept {
  return "Linux";
}

bool reaper_is_preferred() noexcept {
  return false;  // it has the mechanism of a keeper for itself: this one is only tested
}

Guarantee resource_use_guarantee() {
  return {true, "rusage of the leader and what it waited for", ""};
}

UniqueFd open_end_notice(pid_t pid) noexcept {
  UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  int ends[2];
  if (!pidfd && errno == ESRCH && open_pipe(ends) == 0) {
    // Somebody else has reaped it already. The end of a pipe is readable, too.
    ::close(ends[1]);
    return UniqueFd(ends[0]);
  }
  return pidfd;
}

long close_the_rest_at_exec() noexcept {
  constexpr unsigned close_range_cloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  return ::syscall(SYS_close_range, 3, ~0U, close_range_cloexec) == 0 ? 0 : -errno;
}

long become_member(std::size_t count, const gid_t* groups) noexcept {
  return ::syscall(SYS_setgroups, count, groups) == 0 ? 0 : -errno;
}

long become_group(gid_t group) noexcept {
  return ::syscall(SYS_setresgid, group, group, group) == 0 ? 0 : -errno;
}

long become_user(uid_t user) noexcept {
  return ::syscall(SYS_setresuid, user, user, user) == 0 ? 0 : -errno;
}

ProcessTable read_process_table() {
  ProcessTable table;
  for_each_process([&table](pid_t pid) {
    std::optional<ProcessRecord> record = read_process(pid);
    if (!record) {
      table.complete = false;
      return;
    }
    if (record->state == 'Z' && is_alive(*record)) {
      record->state = 'S';  // its main thread alone has ended
    }
    table.processes.push_back(std::move(*record));
  });
  return table;
}

bool send_to_process(const ProcessRecord& process, int native_signal) noexcept {
  try {
    const UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0)));
    const std::optional<ProcessRecord> now = read_process(process.pid);
    return pidfd && now && now->birth == process.birth &&
           ::syscall(SYS_pidfd_send_signal, pidfd.get(), native_signal, nullptr, 0) == 0;
  } catch (...) {  // no memory
    return false;
  }
}

bool group_signals_are_atomic() noexcept {
  return true;
}

void reap_orphans_of(pid_t group) {
  if (adopts_orphans()) {
    reap_orphans(group);
  }
}

}  // namespace treehold::inline v0::platform
