#include "platform/linux/group_control.hpp"

#include <algorithm>
#include <functional>
#include <string>
#include <utility>

#include <treehold/error.hpp>

#include "platform/linux/hybrid_controllers.hpp"

namespace treehold::inline v0::platform {
namespace {

bool has_unified(const ControllerSet& wanted, const std::string& cgroup) {
  return !find_cgroup_place(wanted, cgroup).directory.empty();
}

bool has_version_1(const ControllerSet& wanted) {
  return std::none_of(wanted.begin(), wanted.end(),
                      [](Controller controller) { return hybrid_problem(controller).has_value(); });
}

/// `needed` with those of `welcome` that are usable beside.
ControllerSet with_what_is_there(const ControllerSet& needed, const ControllerSet& welcome,
                                 const std::function<bool(const ControllerSet&)>& usable) {
  ControllerSet taken = needed;
  for (const Controller controller : welcome) {
    ControllerSet more = taken;
    more.insert(controller);
    if (usable(more)) {
      taken = std::move(more);
    }
  }
  return taken;
}

/// How `controller` could be had, and why it cannot.
LimitRefused refusal(const Limits& limits, Controller controller, const std::string& cgroup) {
  const Obstacle obstacle = find_cgroup_place({controller}, cgroup).obstacle;
  const auto older = hybrid_problem(controller);
  LimitRefusal refusal;
  refusal.limit = limit_needing(limits, controller);
  refusal.problem = LimitProblem::unenforceable;
  refusal.controller = to_string(controller);
  refusal.path = obstacle.path;
  refusal.reason = obstacle.reason;
  refusal.error = obstacle.error;
  refusal.remedy = obstacle.remedy;
  if (older && !older->path.empty()) {  // mounted, and this is what stands in the way
    refusal.path = older->path;
    refusal.reason = older->reason;
    refusal.error = older->error;
    refusal.remedy = "run the host as a user who may make groups there";
  }
  return LimitRefused(std::move(refusal));
}

}  // namespace

GroupControl find_group_control(const GroupSettings& settings) {
  const ControllerSet needed = needed_by(settings.limits);
  const std::string& cgroup = settings.cgroup;
  GroupControl control;
  if (needed.empty() && !settings.accounting) {
    control.place = find_cgroup_place({}, cgroup);
    return control;
  }
  if (has_unified(needed, cgroup)) {
    // Whoever limits wants to know what was used; counting transfers costs most, and is asked for.
    ControllerSet welcome{Controller::memory, Controller::pids};
    if (settings.accounting) {
      welcome.insert(Controller::io);
    }
    control.controllers = with_what_is_there(
        needed, welcome,
        [&cgroup](const ControllerSet& wanted) { return has_unified(wanted, cgroup); });
    if (!control.controllers.empty()) {
      control.by = GroupControl::By::unified;
      control.place = find_cgroup_place(control.controllers, cgroup);
      return control;
    }
  }
  control.place = find_cgroup_place({}, cgroup);
  if (has_version_1(needed)) {
    // Members cannot be moved into further hierarchies later: all that limits may come to need.
    control.controllers = with_what_is_there(
        needed, {Controller::memory, Controller::pids, Controller::cpu}, has_version_1);
    if (!control.controllers.empty()) {
      control.by = GroupControl::By::version_1;
    }
    return control;
  }
  for (const Controller controller : needed) {
    if (!has_unified({controller}, cgroup) && hybrid_problem(controller)) {
      throw refusal(settings.limits, controller, cgroup);
    }
  }
  // Each is somewhere, but not all in one place.
  throw refusal(settings.limits, *needed.begin(), cgroup);
}

}  // namespace treehold::inline v0::platform
