// What the host process is asked on macOS.
#include "platform/posix/host.hpp"

#include <crt_externs.h>
#include <signal.h>
#include <unistd.h>

#include "platform/platform.hpp"
#include "platform/posix/macos/process_info.hpp"

namespace treehold::inline v0::platform {

std::uint64_t incarnation() noexcept {
  const std::optional<UniqueIds> ids = unique_ids(::getpid());
  return ids ? ids->own : static_cast<std::uint64_t>(::getpid());
}

char** environment_block() noexcept {
  return *::_NSGetEnviron();
}

int highest_signal() noexcept {
  return NSIG - 1;
}

}  // namespace treehold::inline v0::platform
