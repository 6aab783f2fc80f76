// What a child does while it shares the host's memory.
//
// NO malloc, no libc, no thread-local storage: the host's other threads run on, and what they hold
// locked stays locked.
#pragma once

#include <cstddef>

#include "platform/linux/become.hpp"

namespace treehold::inline v0::platform {

/// For the helper: what to keep open, and how to execute it.
struct HelperStart {
  const int* kept = nullptr;  ///< descriptors that the helper needs
  std::size_t kept_count = 0;
  int program = -1;
  const char* const* argv = nullptr;
  const char* const* environment = nullptr;
  int error = 0;  ///< set when the exec failed: errno
};

/// Entries of a clone. They return an exit status, or not at all.
using ChildEntry = int (*)(void* argument) noexcept;

/// `Becoming*`: becomes the program.
int child_becomes_program(void* becoming) noexcept;

/// Ends: that it came to be is all that is asked.
int child_ends(void* nothing) noexcept;

/// `HelperStart*`: executes the helper; returns when that failed.
int child_executes_helper(void* start) noexcept;

}  // namespace treehold::inline v0::platform
