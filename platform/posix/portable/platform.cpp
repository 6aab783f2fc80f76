// The mechanisms of systems without cgroups, and what they have not.
#include "platform/platform.hpp"

#include <atomic>
#include <string>

#include "platform/posix/portable/process_group.hpp"
#include "platform/posix/portable/reaper.hpp"
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
  switch (mechanism) {
    case Mechanism::reaper: return make_reaper_group(settings);
    case Mechanism::process_group: return make_process_group_group(settings);
    default: throw Unsupported("mechanism " + std::string(to_string(mechanism)), this_build());
  }
}

std::optional<Mechanism> default_mechanism() {
  for (const MechanismReport& report : mechanism_reports()) {
    if (report.available.holds) {
      return report.guarantees.mechanism;
    }
  }
  return std::nullopt;
}

std::vector<MechanismReport> mechanism_reports() {
  std::vector<MechanismReport> reports{process_group_report()};
  if (const std::optional<MechanismReport> reaper = reaper_report()) {
    reports.insert(reaper_is_preferred() ? reports.begin() : reports.end(), *reaper);
  }
  return reports;
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
