// The test binary as somebody else: called with `--role=NAME` it is a small child program or a host
// with something unusual about it, so that no test depends on foreign tools.
#pragma once

#include <string>
#include <vector>

namespace support {

/// What a host role returns when it cannot play here; its report is the reason.
inline constexpr int skipped_status = 77;

/// Plays the role `name`; what it returns is the exit code of the process.
int play_role(const std::string& name, const std::vector<std::string>& arguments);

/// The role "host": `arguments[0]` names the scenario.
int play_host(const std::vector<std::string>& arguments);

}  // namespace support
