#include "platform/missing_limits.hpp"

namespace treehold::inline v0::platform {

const std::vector<MissingLimit>& missing_limits() {
  constexpr const char* of_windows = "it is a limit of Windows' job objects";
  static const std::vector<MissingLimit> missing{
      {"cpu_time", of_windows, "bound the CPU time of each process (Command::resource_limit)"},
      {"priority", of_windows, "give the leader a nice value (Command::nice), which is inherited"},
      {"ui", of_windows},
  };
  return missing;
}

}  // namespace treehold::inline v0::platform
