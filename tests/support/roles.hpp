// The test binary as somebody else: called with `--role=NAME` it is a small child program or a host
// with something unusual about it, so that no test depends on foreign tools.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace support {

/// What a host role returns when it cannot play here; its report is the reason.
inline constexpr int skipped_status = 77;

/// Plays the role `name`; what it returns is the exit code of the process.
int play_role(const std::string& name, const std::vector<std::string>& arguments);

using Role = std::function<int(const std::vector<std::string>&)>;

/// Those that only this system can play.
[[nodiscard]] std::map<std::string, Role> system_roles();

/// What the role "report" tells of itself by means of this system: "name=value" lines, "fds" among
/// them.
[[nodiscard]] std::string system_report();

/// The role "host": `arguments[0]` names the scenario.
int play_host(const std::vector<std::string>& arguments);

}  // namespace support
