// The members of a group as a tree, for people.
#pragma once

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <treehold/process_group.hpp>

namespace treehold::cli {

/// One line a process, children below their parents; empty for no member.
[[nodiscard]] std::string draw_tree(const std::vector<ProcessId>& members);

/// Prints the members of a group to standard error while it lives, each time they have changed.
/// Looks every 100 ms: there is no notice of a fork.
class TreeWatch {
 public:
  explicit TreeWatch(const ProcessGroup& group);
  ~TreeWatch();
  TreeWatch(const TreeWatch&) = delete;
  TreeWatch& operator=(const TreeWatch&) = delete;

 private:
  void watch(const ProcessGroup& group);

  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace treehold::cli
