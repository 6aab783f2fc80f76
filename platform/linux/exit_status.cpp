#include "platform/linux/exit_status.hpp"

#include <signal.h>
#include <sys/wait.h>

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

}  // namespace treehold::inline v0::platform
