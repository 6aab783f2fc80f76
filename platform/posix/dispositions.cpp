#include "platform/posix/dispositions.hpp"

#include <signal.h>

namespace treehold::inline v0::platform {

bool exit_statuses_are_discarded() noexcept {
  struct sigaction action {};
  return ::sigaction(SIGCHLD, nullptr, &action) == 0 &&
         (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0);
}

}  // namespace treehold::inline v0::platform
