#include <treehold/mechanism.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {

std::string_view to_string(Mechanism mechanism) noexcept {
  switch (mechanism) {
    case Mechanism::cgroup_v2: return "cgroup_v2";
    case Mechanism::reaper: return "reaper";
    case Mechanism::process_group: return "process_group";
    case Mechanism::job_object: return "job_object";
  }
  return "unknown";
}

HostReport host_report() {
  return {platform::mechanism_reports(), platform::kernel_release()};
}

}  // namespace treehold::inline v0
