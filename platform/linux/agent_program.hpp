// The helper program: the installed copy when it is the one this library was built with, a memory
// file of the embedded copy otherwise.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "platform/linux/clone.hpp"

namespace treehold::inline v0::platform {

struct AgentStart {
  Cloned agent;   ///< a child of ours; without a number when it could not be cloned
  int error = 0;  ///< errno of the clone, or of the exec: there is no child then
};

/// Starts it in the host's own cgroup, with the descriptors `kept` beside the standard ones. Both
/// lists end with a null pointer. Waits until the helper is being executed. Thread safe. Throws
/// `SpawnFailed` (`launch`) when neither copy can be had.
[[nodiscard]] AgentStart start_agent(const std::vector<const char*>& argv,
                                     const std::vector<const char*>& environment,
                                     const std::vector<int>& kept);

/// Ends and reaps one that has told all it had to tell, or will never.
void end_agent(const AgentStart& started);

/// An order as it travels in the helper's arguments: see order.hpp.
[[nodiscard]] std::string hexadecimal(const void* data, std::size_t size);

}  // namespace treehold::inline v0::platform
