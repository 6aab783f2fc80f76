// The few instructions of a child that shares the host's memory, between clone and the helper's exec.
#pragma once

#include <cstddef>

namespace treehold::inline v0::platform {

struct ChildStart {
  const int* kept = nullptr;  ///< descriptors that the helper needs
  std::size_t kept_count = 0;
  int program = -1;
  const char* const* argv = nullptr;
  const char* const* environment = nullptr;
  int error = 0;  ///< set when the exec failed: errno
};

/// Executes the helper. NO malloc, no libc, no thread-local storage: the host's memory is shared and its
/// other threads run on. Returns an exit status only when the exec failed.
extern "C" int treehold_child_execute(ChildStart* start) noexcept;

/// Ends at once: for the probe.
extern "C" int treehold_child_leave(ChildStart* start) noexcept;

}  // namespace treehold::inline v0::platform
