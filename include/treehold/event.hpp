// What happens to a live child, as one sequence: its start, the lines of both captured streams, its
// end.
#pragma once

#include <string>
#include <variant>

#include <treehold/outcome.hpp>

namespace treehold::inline v0 {

/// Which captured stream.
enum class Stream { out, err };

/// The program is being executed. The first event.
struct ProcessStarted {
  ProcessId pid = 0;
};

/// A line, without its ending.
struct OutputLine {
  Stream stream = Stream::out;
  std::string text;
};

/// The run is over and all it wrote was told. The last event.
struct ProcessEnded {
  Outcome outcome;
};

using Event = std::variant<ProcessStarted, OutputLine, ProcessEnded>;

}  // namespace treehold::inline v0
