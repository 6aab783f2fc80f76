// What the host process is asked on FreeBSD.
#include "platform/posix/host.hpp"

#include <signal.h>
#include <sys/mman.h>

#include "platform/posix/wipe_on_fork/wipe.hpp"

extern "C" char** environ;

namespace treehold::inline v0::platform {

bool wipe_in_forks(void* memory, std::size_t size) noexcept {
  return ::minherit(memory, size, INHERIT_ZERO) == 0;  // FreeBSD 12
}

char** environment_block() noexcept {
  return environ;
}

int highest_signal() noexcept {
  return SIGRTMAX;
}

}  // namespace treehold::inline v0::platform
