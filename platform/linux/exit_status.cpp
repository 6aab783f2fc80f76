#include "platform/linux/exit_status.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>

#include <cstdint>

namespace treehold::inline v0::platform {
namespace {

/// `struct pidfd_info` of linux/pidfd.h in its first size; PIDFD_INFO_EXIT needs Linux 6.15.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup;
  std::uint32_t ids[11];
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t pidfd_info_exit = 1U << 3;
constexpr unsigned long pidfd_get_info = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

Outcome outcome_of_wait_status(int status) {
  if (WIFSIGNALED(status)) {
    return Outcome::signalled(WTERMSIG(status), WCOREDUMP(status));
  }
  return Outcome::exited(WEXITSTATUS(status));
}

Outcome outcome_of(int how, int status) {
  switch (how) {
    case CLD_EXITED: return Outcome::exited(status);
    case CLD_KILLED: return Outcome::signalled(status, false);
    case CLD_DUMPED: return Outcome::signalled(status, true);
    default: return Outcome::unknown();
  }
}

std::optional<Outcome> outcome_kept_for(int pidfd) {
  PidfdInfo kernel{};
  kernel.mask = pidfd_info_exit;
  if (::ioctl(pidfd, pidfd_get_info, &kernel) != 0 || (kernel.mask & pidfd_info_exit) == 0) {
    return std::nullopt;
  }
  return outcome_of_wait_status(kernel.exit_code);
}

}  // namespace treehold::inline v0::platform
