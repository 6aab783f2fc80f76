// Room for a thousand children at a time and what is held for each.
#pragma once

#include <sys/resource.h>

#include <algorithm>

namespace bench {

/// Raises the limit of this process on its open descriptors, as far as it may.
inline void raise_descriptor_limit() noexcept {
  constexpr rlim_t wanted = 16384;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = std::min(std::max(limit.rlim_cur, wanted), limit.rlim_max);
    (void)::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

}  // namespace bench
