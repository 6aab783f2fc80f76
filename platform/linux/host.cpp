// What the host process is asked on Linux.
#include "platform/posix/host.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>

#include <string>

#include "platform/platform.hpp"
#include "platform/posix/pipe_size.hpp"
#include "platform/posix/wipe_on_fork/wipe.hpp"

extern "C" char** environ;

namespace treehold::inline v0::platform {

bool wipe_in_forks(void* memory, std::size_t size) noexcept {
  return ::madvise(memory, size, MADV_WIPEONFORK) == 0;  // Linux 4.14
}

char** environment_block() noexcept {
  return environ;
}

int highest_signal() noexcept {
  return SIGRTMAX;
}

void widen_pipe(int pipe) noexcept {
  constexpr int wide = 1 << 20;  // the default of /proc/sys/fs/pipe-max-size
  (void)::fcntl(pipe, F_SETPIPE_SZ, wide);
}

}  // namespace treehold::inline v0::platform

namespace treehold::inline v0 {

std::string signal_name(int native_number) {
  if (const char* abbreviation = ::sigabbrev_np(native_number)) {
    return std::string("SIG") + abbreviation;
  }
  if (native_number >= SIGRTMIN && native_number <= SIGRTMAX) {
    const int offset = native_number - SIGRTMIN;
    return offset == 0 ? "SIGRTMIN" : "SIGRTMIN+" + std::to_string(offset);
  }
  return "signal " + std::to_string(native_number);
}

}  // namespace treehold::inline v0
