#include "platform/linux/exit_wait.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>

#include "platform/linux/process_table.hpp"
#include "platform/posix/exit_status.hpp"
#include "platform/posix/system.hpp"

namespace treehold::inline v0::platform {

bool wait_with_usage(idtype_t type, id_t id, int flags, siginfo_t& info,
                     std::optional<ResourceUse>* use) noexcept {
  std::memset(&info, 0, sizeof info);
  // Only the system call itself has the usage.
  rusage usage{};
  if (::syscall(SYS_waitid, type, id, &info, WEXITED | WNOHANG | flags, &usage) != 0) {
    return false;
  }
  if (use != nullptr) {
    *use = resource_use(usage);
  }
  return true;
}

int open_pipe(int (&ends)[2]) noexcept {
  return ::pipe2(ends, O_CLOEXEC);
}

std::optional<Outcome> outcome_of_zombie(pid_t pid) {
  const std::optional<int> status = zombie_wait_status(pid);
  return status ? std::optional(outcome_of_wait_status(*status)) : std::nullopt;
}

bool end_notices_are_inherited() noexcept {
  return true;
}

}  // namespace treehold::inline v0::platform
