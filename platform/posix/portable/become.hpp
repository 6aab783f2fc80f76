// What a child does between fork and exec.
//
// Only what is safe in a signal handler (signal-safety(7)): the host's other threads are gone, and
// what they held locked stays locked.
#pragma once

#include <cstddef>
#include <cstdint>

#include "platform/posix/child_order.hpp"

namespace treehold::inline v0::platform {

/// An order with the texts and lists that belong to it.
struct Becoming {
  ChildOrder order;
  int gate = -1;                          ///< a pipe: to go on at its end; -1: at once
  int gate_opener = -1;                   ///< the end that the host closes for it
  const char* directory = nullptr;        ///< null: as it is
  const char* files[3] = {};              ///< for the streams that lead to files
  const std::uint32_t* groups = nullptr;  ///< supplementary groups
  std::size_t group_count = 0;
  const char* program = nullptr;
  const char* const* argv = nullptr;
  const char* const* environment = nullptr;
};

/// Becomes the program.
[[noreturn]] void become(const Becoming& self) noexcept;

}  // namespace treehold::inline v0::platform
