// Asks a descriptor that tells of an end, such as a pidfd, whether it has come.
#pragma once

#include <poll.h>

namespace treehold::inline v0::platform {

/// Whether there is something to read, or comes within so many milliseconds. See poll(2).
[[nodiscard]] inline bool readable(int fd, int within = 0) noexcept {
  pollfd notice{fd, POLLIN, 0};
  return ::poll(&notice, 1, within) > 0;
}

}  // namespace treehold::inline v0::platform
