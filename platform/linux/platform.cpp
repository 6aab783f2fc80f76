// The mechanisms of Linux.
#include "platform/platform.hpp"

#include <sys/utsname.h>

#include <cstdlib>
#include <string>

#include "platform/linux/cgroup_group.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/linux/process_group.hpp"
#include "platform/linux/reaper.hpp"

namespace treehold::inline v0::platform {

std::shared_ptr<Group> make_group(Mechanism mechanism, const GroupSettings& settings) {
  switch (mechanism) {
    case Mechanism::cgroup_v2: return make_cgroup_group(settings);
    case Mechanism::reaper: return make_reaper_group(settings);
    case Mechanism::process_group: return make_process_group_group(settings);
    case Mechanism::job_object: break;
  }
  throw Unsupported("mechanism " + std::string(to_string(mechanism)), "this system is Linux");
}

std::optional<Mechanism> default_mechanism() {
  if (!find_cgroup_place().directory.empty()) {
    return Mechanism::cgroup_v2;
  }
  return reaper_report().available.holds ? Mechanism::reaper : Mechanism::process_group;
}

std::vector<MechanismReport> mechanism_reports() {
  return {cgroup_report(), reaper_report(), process_group_report()};
}

bool kernel_is_at_least(int major, int minor) noexcept {
  utsname name{};
  if (::uname(&name) != 0) {
    return false;
  }
  char* end = nullptr;
  const long first = std::strtol(name.release, &end, 10);
  const long second = *end == '.' ? std::strtol(end + 1, nullptr, 10) : 0;
  return first > major || (first == major && second >= minor);
}

}  // namespace treehold::inline v0::platform
