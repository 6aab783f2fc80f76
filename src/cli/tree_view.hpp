// The members of a group as a tree, for people.
#pragma once

#include <string>
#include <vector>

#include <treehold/process_group.hpp>

#include "src/cli/interval_thread.hpp"

namespace treehold::cli {

/// One line a process, children below their parents; empty for no member.
[[nodiscard]] std::string draw_tree(const std::vector<ProcessId>& members);

/// Prints the members of a group to standard error while it lives, each time they have changed.
/// Looks every 100 ms: there is no notice of a fork.
class TreeWatch {
 public:
  explicit TreeWatch(const ProcessGroup& group);

 private:
  void look();

  const ProcessGroup& group_;
  std::string shown_;
  IntervalThread thread_;  // last: it uses the others
};

}  // namespace treehold::cli
