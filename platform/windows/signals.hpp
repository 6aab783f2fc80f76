// The numbers by which Windows' few ways to reach a process go here: those of POSIX, so that an
// outcome reads the same everywhere.
#pragma once

namespace treehold::inline v0::platform {

inline constexpr int native_interrupt = 2;
inline constexpr int native_kill = 9;
inline constexpr int native_terminate = 15;

}  // namespace treehold::inline v0::platform
