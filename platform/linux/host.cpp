// What the host process is asked on Linux.
#include "platform/posix/host.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>

#include "platform/platform.hpp"
#include "platform/posix/pipe_size.hpp"

extern "C" char** environ;

namespace treehold::inline v0::platform {

std::uint64_t incarnation() noexcept {
  // A page that the kernel empties in a fork (madvise(2), MADV_WIPEONFORK, Linux 4.14): no handler
  // of ours has to run at the fork, and process numbers, which repeat across PID namespaces, do not
  // matter.
  static std::atomic<std::uint64_t> forks{0};
  static std::atomic<std::uint64_t>* const page = [] {
    const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || ::madvise(memory, size, MADV_WIPEONFORK) != 0) {
      std::abort();  // no memory for one page at the first use of the library
    }
    return new (memory) std::atomic<std::uint64_t>(0);
  }();
  std::uint64_t value = page->load(std::memory_order_acquire);
  if (value == 0) {
    const std::uint64_t fresh = forks.fetch_add(1) + 1;
    value = page->compare_exchange_strong(value, fresh) ? fresh : value;
  }
  return value;
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
