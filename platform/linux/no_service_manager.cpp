// The build found no libsystemd.
#include "platform/linux/service_manager.hpp"

namespace treehold::inline v0::platform {
namespace {

const char* const lacking = "this build of treehold lacks libsystemd";

}  // namespace

ServiceManager manager_for(ServiceManager wanted) noexcept {
  return wanted;
}

std::optional<ManagerProblem> problem_with_manager(ServiceManager /*wanted*/) {
  return ManagerProblem{lacking, "build treehold with libsystemd"};
}

void start_scope(const std::string& /*unit*/, const ScopeOptions& /*options*/) {
  throw no_scope(lacking);
}

}  // namespace treehold::inline v0::platform
