#include "platform/posix/pending_signals.hpp"

#include <time.h>

#include <algorithm>

namespace treehold::inline v0::platform {
namespace {

/// Those of `set` that are pending.
sigset_t pending_of(const sigset_t& set) {
  sigset_t pending;
  ::sigpending(&pending);
  sigset_t both;
  sigemptyset(&both);
  for (int number = 1; number < NSIG; ++number) {
    if (sigismember(&set, number) == 1 && sigismember(&pending, number) == 1) {
      sigaddset(&both, number);
    }
  }
  return both;
}

bool is_empty(const sigset_t& set) {
  for (int number = 1; number < NSIG; ++number) {
    if (sigismember(&set, number) == 1) {
      return false;
    }
  }
  return true;
}

}  // namespace

// There is no sigtimedwait(2): with a bound it is looked again and again.
int take_signal(const sigset_t& set, std::optional<std::chrono::nanoseconds> bound) {
  using Clock = std::chrono::steady_clock;
  int number = 0;
  if (!bound) {
    return ::sigwait(&set, &number) == 0 ? number : 0;
  }
  const Clock::time_point end = Clock::now() + *bound;
  for (;;) {
    const sigset_t pending = pending_of(set);
    if (!is_empty(pending)) {
      return ::sigwait(&pending, &number) == 0 ? number : 0;
    }
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(end - Clock::now());
    if (rest <= std::chrono::nanoseconds::zero()) {
      return 0;
    }
    constexpr std::chrono::nanoseconds moment = std::chrono::milliseconds(10);
    const timespec time{0, static_cast<long>(std::min(rest, moment).count())};
    ::nanosleep(&time, nullptr);
  }
}

}  // namespace treehold::inline v0::platform
