// What a start is told, and the pipes that lead to its child.
#pragma once

#include <string>
#include <vector>

#include "platform/posix/child_order.hpp"
#include "platform/posix/unique_fd.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

/// A pipe, both ends close-on-exec and above the standard descriptors.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

/// Throws `SpawnFailed` (`launch`).
[[nodiscard]] Pipe make_pipe();

/// The host's ends of the pipes of one start; empty where there is no pipe.
struct HostEnds {
  UniqueFd report;  ///< read end; see child_order.hpp
  UniqueFd standard_input;
  UniqueFd standard_output;
  UniqueFd standard_error;
};

/// The child's ends, to be closed when it has them.
struct ChildEnds {
  UniqueFd standard[3];
  UniqueFd report;
};

/// What the plan asks for, but for its texts and lists.
void fill_order(const SpawnPlan& plan, ChildOrder& order);

/// Makes the pipes and tells the order of them. Throws `SpawnFailed` (`launch`).
[[nodiscard]] ChildEnds make_pipes(const SpawnPlan& plan, HostEnds& host, ChildOrder& order);

/// As execve(2) takes them: behind the last one stands null.
void append_pointers(std::vector<const char*>& pointers, const std::vector<std::string>& strings);

}  // namespace treehold::inline v0::platform
