// Counts the instructions of a host by having it stop after each of them (ptrace(2)), and only
// between its marks: elsewhere it runs at full speed, and so do its children, always.
//
// Profilers that translate a program (valgrind) cannot run one that starts others as treehold does:
// they know neither clone3(2) nor a clone(2) that shares memory and returns a pidfd. Counters of
// the processor (perf_event_open(2)) are missing in most virtual machines.
#pragma once

#include <array>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/instructions/host.hpp"

namespace instructions {

/// A system that does not let this be done, and why.
struct NotTraceable {
  std::string reason;
};

/// The instructions of one path, a count a round.
using Counts = std::vector<long>;

/// Whether the path with this index has been gone often enough.
using Enough = std::function<bool(std::size_t path, const Counts& counts)>;

/// Runs a host with the mechanism of that name to its end; the counts of all paths. Throws
/// `NotTraceable`, and `std::runtime_error` when the host fails.
[[nodiscard]] std::array<Counts, paths.size()> count_instructions(std::string_view mechanism,
                                                                  const Enough& enough);

}  // namespace instructions
