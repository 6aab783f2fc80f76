#include "platform/posix/exit_status.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>

namespace treehold::inline v0::platform {
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

ResourceUse resource_use(const rusage& usage) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  ResourceUse use;
  use.user = seconds(usage.ru_utime.tv_sec) + microseconds(usage.ru_utime.tv_usec);
  use.system = seconds(usage.ru_stime.tv_sec) + microseconds(usage.ru_stime.tv_usec);
  use.peak_resident_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return use;
}

}  // namespace treehold::inline v0::platform
