#include "platform/limit_names.hpp"

namespace treehold::inline v0::platform {

const std::vector<std::string>& limit_names() {
  static const std::vector<std::string> names{
      "memory",     "swap",    "memory_high", "oom_kills_group", "processes", "cpus",
      "cpu_weight", "cpu_set", "io",          "cpu_time",        "priority",  "ui"};
  return names;
}

bool is_set(const Limits& limits, std::string_view name) {
  return (name == "memory" && limits.memory) || (name == "swap" && limits.swap) ||
         (name == "memory_high" && limits.memory_high) ||
         (name == "oom_kills_group" && limits.oom_kills_group) ||
         (name == "processes" && limits.processes) || (name == "cpus" && limits.cpus) ||
         (name == "cpu_weight" && limits.cpu_weight) || (name == "cpu_set" && limits.cpu_set) ||
         (name == "io" && !limits.io.empty()) || (name == "cpu_time" && limits.cpu_time) ||
         (name == "priority" && limits.priority) || (name == "ui" && limits.ui != UiRestrictions{});
}

}  // namespace treehold::inline v0::platform
