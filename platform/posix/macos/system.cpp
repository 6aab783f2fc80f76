// The answers of macOS to posix/system.hpp and portable/system.hpp.
#include "platform/posix/system.hpp"

#include <fcntl.h>
#include <libproc.h>
#include <sys/proc_info.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "platform/posix/macos/process_info.hpp"
#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {

int open_pipe(int (&ends)[2]) noexcept {
  // There is no pipe2(2): whoever else in this process forks and executes between the two calls
  // passes the ends on.
  if (::pipe(ends) != 0) {
    return -1;
  }
  if (::fcntl(ends[0], F_SETFD, FD_CLOEXEC) != 0 || ::fcntl(ends[1], F_SETFD, FD_CLOEXEC) != 0) {
    const int error = errno;
    ::close(ends[0]);
    ::close(ends[1]);
    errno = error;
    return -1;
  }
  return 0;
}

bool wait_for_exit(const ChildHandle& child, int flags, siginfo_t& info,
                   std::optional<ResourceUse>* /*use*/) noexcept {
  std::memset(&info, 0, sizeof info);
  return ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | WNOHANG | flags) == 0;
}

std::optional<Outcome> outcome_of_zombie(pid_t /*pid*/) {
  return std::nullopt;
}

// -- portable/system.hpp
// ---------------------------------------------------------------------------

std::string_view system_name() noexcept {
  return "macOS";
}

bool reaper_is_preferred() noexcept {
  return false;
}

Guarantee resource_use_guarantee() {
  return {false, "wait4(2) alone tells it, and only to who reaps", ""};
}

long close_the_rest_at_exec() noexcept {
  // Of the child's own stack: no allocation here.
  proc_fdinfo open[2048];
  const int size = ::proc_pidinfo(::getpid(), PROC_PIDLISTFDS, 0, open, sizeof open);
  if (size > 0 && static_cast<std::size_t>(size) < sizeof open) {
    const auto count = static_cast<std::size_t>(size) / sizeof open[0];
    for (std::size_t i = 0; i < count; ++i) {
      if (open[i].proc_fd > 2) {
        (void)::fcntl(open[i].proc_fd, F_SETFD, FD_CLOEXEC);
      }
    }
    return 0;
  }
  for (int descriptor = 3, end = ::getdtablesize(); descriptor < end; ++descriptor) {
    (void)::fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  }
  return 0;
}

long become_member(std::size_t count, const gid_t* groups) noexcept {
  return ::setgroups(static_cast<int>(count), groups) == 0 ? 0 : -errno;
}

ProcessTable read_process_table() {
  ProcessTable table;
  for_each_process([&table](pid_t pid) {
    if (std::optional<ProcessRecord> record = read_process(pid)) {
      table.processes.push_back(std::move(*record));
    } else {
      table.complete = false;
    }
  });
  return table;
}

bool send_to_process(const ProcessRecord& process, int native_signal) noexcept {
  const std::optional<UniqueIds> now = unique_ids(process.pid);
  return now && now->own == process.birth && ::kill(process.pid, native_signal) == 0;
}

bool group_signals_are_atomic() noexcept {
  return false;  // killpg(2) lists the members first, and signals them then
}

void reap_orphans_of(pid_t /*group*/) {}  // all fall to launchd

}  // namespace treehold::inline v0::platform
