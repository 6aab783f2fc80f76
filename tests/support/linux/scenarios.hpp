// The scenarios of this folder.
#pragma once

#include <map>
#include <string>

#include "host.hpp"

namespace support {

/// Those of limit_hosts.cpp, doomed_hosts.cpp and program_hosts.cpp.
[[nodiscard]] std::map<std::string, Scenario> copy_scenarios();
[[nodiscard]] std::map<std::string, Scenario> limit_scenarios();
[[nodiscard]] std::map<std::string, Scenario> doomed_scenarios();
[[nodiscard]] std::map<std::string, Scenario> program_scenarios();

}  // namespace support
