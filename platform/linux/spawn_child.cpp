// Compiled without sanitizers and stack protector: it runs on a borrowed stack with the host's
// thread-local storage, which it must not touch.
#include "platform/linux/spawn_child.hpp"

#include <fcntl.h>

#include "platform/linux/raw_syscall.hpp"

namespace treehold::inline v0::platform {

int child_becomes_program(void* becoming) noexcept {
  become(*static_cast<const Becoming*>(becoming));
}

int child_ends(void* /*nothing*/) noexcept {
  return 0;
}

int child_executes_helper(void* argument) noexcept {
  auto* start = static_cast<HelperStart*>(argument);
  for (std::size_t i = 0; i < start->kept_count; ++i) {
    raw_syscall(__NR_fcntl, start->kept[i], F_SETFD, 0);
  }
  const long result =
      raw_syscall(__NR_execveat, start->program, raw_syscall_of(""), raw_syscall_of(start->argv),
                  raw_syscall_of(start->environment), AT_EMPTY_PATH);
  start->error = static_cast<int>(-result);
  return 127;
}

}  // namespace treehold::inline v0::platform
