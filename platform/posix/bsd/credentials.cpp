// How a child becomes somebody else on macOS and on the BSDs: of a process that may change them at
// all, setgid(2) and setuid(2) change all three.
#include <unistd.h>

#include <cerrno>

#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {

long become_group(gid_t group) noexcept {
  return ::setgid(group) == 0 ? 0 : -errno;
}

long become_user(uid_t user) noexcept {
  return ::setuid(user) == 0 ? 0 : -errno;
}

}  // namespace treehold::inline v0::platform
