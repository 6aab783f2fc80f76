// What tests of groups share.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "forms.hpp"

namespace support {

/// Members come in no order.
inline std::vector<treehold::ProcessId> sorted(std::vector<treehold::ProcessId> pids) {
  std::sort(pids.begin(), pids.end());
  return pids;
}

/// Starts a role and waits for the first line it says.
inline forms::Process start_ready(forms::ProcessGroup& group, const forms::Command& command,
                                  std::string* said = nullptr) {
  forms::Process child = group.start(command);
  const auto line = child.read_line(treehold::Stream::out);
  REQUIRE(line.has_value());
  if (said != nullptr) {
    *said = *line;
  }
  return child;
}

/// Some time in which others can run.
inline void let_others_run() {
  for (int count = 0; count < 5; ++count) {
    (void)forms::role("exit", {"0"}).output();
  }
}

}  // namespace support
