// Durations as the system counts them: in steps of 100 ns.
#pragma once

#include <chrono>
#include <ratio>

#include "platform/windows/system.hpp"

namespace treehold::inline v0::platform {

using SystemTicks = std::chrono::duration<LONGLONG, std::ratio<1, 10'000'000>>;

[[nodiscard]] inline std::chrono::microseconds duration_of(const LARGE_INTEGER& ticks) noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(SystemTicks(ticks.QuadPart));
}

[[nodiscard]] inline std::chrono::microseconds duration_of(const FILETIME& time) noexcept {
  LARGE_INTEGER ticks;
  ticks.LowPart = time.dwLowDateTime;
  ticks.HighPart = static_cast<LONG>(time.dwHighDateTime);
  return duration_of(ticks);
}

}  // namespace treehold::inline v0::platform
