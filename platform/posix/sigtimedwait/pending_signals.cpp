#include "platform/posix/pending_signals.hpp"

#include <algorithm>
#include <ctime>

namespace treehold::inline v0::platform {

int take_signal(const sigset_t& set, std::optional<std::chrono::nanoseconds> bound) {
  if (!bound) {
    return std::max(::sigwaitinfo(&set, nullptr), 0);
  }
  const auto rest = std::max(*bound, std::chrono::nanoseconds::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rest);
  const timespec time{static_cast<time_t>(seconds.count()),
                      static_cast<long>((rest - seconds).count())};
  return std::max(::sigtimedwait(&set, nullptr, &time), 0);
}

}  // namespace treehold::inline v0::platform
