#include "platform/posix/write_quietly.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace treehold::inline v0::platform {

ssize_t write_quietly(int fd, std::string_view bytes) noexcept {
  // There is no sigtimedwait(2) to take a SIGPIPE back with, but descriptions that raise none. What
  // remains is SIGXFSZ, in a host that has limited the size of its files.
  (void)::fcntl(fd, F_SETNOSIGPIPE, 1);
  return ::write(fd, bytes.data(), bytes.size());
}

}  // namespace treehold::inline v0::platform
