// What a finished run leaves: its bytes exactly as written, how it ended and what it used.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <boost/system/error_code.hpp>

#include <treehold/export.hpp>
#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>
#include <treehold/outcome.hpp>
#include <treehold/statistics.hpp>

namespace treehold::inline v0 {

/// The result of a run. Plain data.
struct Output {
  std::string stdout_bytes;  ///< captured standard output, byte for byte
  std::string stderr_bytes;  ///< captured standard error; empty when it was merged into stdout
  Outcome outcome;
  ProcessId pid = 0;  ///< the number the leader had; it may belong to somebody else by now
  std::chrono::nanoseconds duration{0};  ///< from the start until the result was complete
  bool truncated = false;                ///< an output cap cut something off
  bool incomplete = false;  ///< a stream was still open when its drain grace ended and was cut
  boost::system::error_code stdout_tee_error;  ///< why `Command::stdout_tee` was given up
  boost::system::error_code stderr_tee_error;
  std::optional<ResourceUse> resource_use;
  /// Of the whole tree: a private run with limits or accounting (`Command::limits`).
  std::optional<Statistics> statistics;
  std::optional<LimitEvidence> limit_evidence;
  Mechanism mechanism = Mechanism::process_group;  ///< what contained the run
  std::optional<StopReport> stop;  ///< present when members were left, or a time-out ended them
};

}  // namespace treehold::inline v0
