#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "platform/platform.hpp"
#include "platform/posix/wipe_on_fork/wipe.hpp"

namespace treehold::inline v0::platform {

std::uint64_t incarnation() noexcept {
  // No handler of ours has to run at the fork, and process numbers, which repeat across PID
  // namespaces, do not matter.
  static std::atomic<std::uint64_t> forks{0};
  static std::atomic<std::uint64_t>* const page = [] {
    const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* memory =
        ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || !wipe_in_forks(memory, size)) {
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

}  // namespace treehold::inline v0::platform
