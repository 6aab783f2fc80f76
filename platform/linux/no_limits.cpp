#include "platform/linux/no_limits.hpp"

#include <string>
#include <utility>

#include <treehold/error.hpp>

#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/controllers.hpp"
#include "platform/missing_limits.hpp"

namespace treehold::inline v0::platform {

void refuse_limits(Mechanism mechanism, const Limits& limits) {
  const ControllerSet needed = needed_by(limits);
  if (needed.empty()) {
    return;
  }
  LimitRefusal refusal;
  refusal.limit = limit_needing(limits, *needed.begin());
  refusal.problem = LimitProblem::unsupported;
  refusal.reason = "the mechanism " + std::string(to_string(mechanism)) + " has no limits";
  refusal.controller = to_string(*needed.begin());
  refusal.remedy = "use the mechanism cgroup_v2";
  const Obstacle obstacle = find_cgroup_place().obstacle;
  if (!obstacle.text().empty()) {  // it cannot be used: why tells more than that another was
    refusal.path = obstacle.path;
    refusal.reason += ", and cgroup_v2 cannot be used here";
    refusal.reason += obstacle.reason.empty() ? "" : ": " + obstacle.reason;
    refusal.error = obstacle.error;
    refusal.remedy = obstacle.remedy;
  }
  throw LimitRefused(std::move(refusal));
}

void report_no_limits(Guarantees& all) {
  const std::string what = "the mechanism " + std::string(to_string(all.mechanism));
  for (const LimitController& limit : limit_controllers()) {
    all.limits.emplace_back(limit.limit,
                            Guarantee{false, what + " has no limits", remedy_by_cgroup()});
  }
  report_missing_limits(all);
  for (const char* name : {"processes", "threads", "cpu", "memory", "io", "pressure"}) {
    all.statistics.emplace_back(name,
                                Guarantee{false, what + " counts nothing", remedy_by_cgroup()});
  }
}

const char* remedy_by_cgroup() noexcept {
  return "make a cgroup v2 directory writable for this process (see cgroup_v2)";
}

}  // namespace treehold::inline v0::platform
