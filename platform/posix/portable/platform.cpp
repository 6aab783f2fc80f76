// The mechanisms of systems without cgroups, and what they have not.
#include "platform/platform.hpp"

#include <atomic>
#include <string>

#include "platform/posix/portable/process_group.hpp"
#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {
namespace {

std::string this_build() {
  return "this build is the portable one, for " + std::string(system_name());
}

std::atomic<GuardianPolicy>& policy() {
  static std::atomic<GuardianPolicy> wanted{GuardianPolicy::on};
  return wanted;
}

}  // namespace

std::shared_ptr<Group> make_group(Mechanism mechanism, const GroupSettings& settings) {
  if (mechanism != Mechanism::process_group) {
    throw Unsupported("mechanism " + std::string(to_string(mechanism)), this_build());
  }
  return make_process_group_group(settings);
}

std::optional<Mechanism> default_mechanism() {
  return Mechanism::process_group;
}

std::vector<MechanismReport> mechanism_reports() {
  return {process_group_report()};
}

void move_host_into_leaf() {
  throw Unsupported("moving the host into a group of its own", this_build());
}

void move_host_into_scope(const ScopeOptions& /*options*/) {
  throw Unsupported("moving the host into a scope", this_build());
}

GuardianPolicy guardian_policy() {
  return policy();
}

void set_guardian_policy(GuardianPolicy wanted) {
  policy() = wanted;  // there is no guardian: see Guarantees::survives_host_kill
}

std::vector<StaleGroups> sweep_stale_groups(const SweepOptions& /*options*/) {
  throw Unsupported("sweeping stale groups", this_build() + ", and a process group has no name");
}

}  // namespace treehold::inline v0::platform
