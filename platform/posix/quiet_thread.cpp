#include <signal.h>

#include <utility>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {
namespace {

/// Blocks signals in the calling thread until destroyed.
class Blocked {
 public:
  Blocked() noexcept {
    sigset_t all;
    sigfillset(&all);
    // Blocked, these would end the process without the host's crash handler being asked.
    for (const int fault : {SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP}) {
      sigdelset(&all, fault);
    }
    ::pthread_sigmask(SIG_BLOCK, &all, &before_);
  }
  Blocked(const Blocked&) = delete;
  Blocked& operator=(const Blocked&) = delete;
  ~Blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_{};
};

}  // namespace

std::thread quiet_thread(std::function<void()> body) {
  // Inherited from here, pthread_create(3): a mask that the thread set itself would come too late.
  const Blocked blocked;
  return std::thread(std::move(body));
}

}  // namespace treehold::inline v0::platform
