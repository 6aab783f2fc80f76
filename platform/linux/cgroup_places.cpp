#include "platform/linux/cgroup_places.hpp"

#include <functional>
#include <map>
#include <optional>

#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/controllers.hpp"
#include "platform/linux/guarantees.hpp"
#include "platform/linux/hybrid_controllers.hpp"
#include "platform/linux/service_manager.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {
namespace {

/// "memory pids in /a; cpu in /b".
std::string text_of(const std::map<std::string, ControllerSet>& found) {
  std::string text;
  for (const auto& [directory, controllers] : found) {
    text += (text.empty() ? "" : "; ") + to_string(controllers) + " in " + directory;
  }
  return text;
}

/// What a way to look for places finds, or why it does not find any.
Guarantee found_by(const std::function<CgroupPlace(const ControllerSet&)>& look) {
  std::map<std::string, ControllerSet> found;
  std::optional<Obstacle> obstacle;
  for (const Controller controller : all_controllers()) {
    CgroupPlace place = look({controller});
    if (!place.directory.empty()) {
      found[place.directory].insert(controller);
    } else if (!obstacle) {
      obstacle = std::move(place.obstacle);
    }
  }
  if (found.empty() && obstacle) {
    return {false, obstacle->text(), obstacle->remedy};
  }
  return {true, text_of(found), ""};
}

Guarantee named_directory() {
  const std::optional<std::string> named = environment_variable("TREEHOLD_CGROUP");
  if (!named || named->empty()) {
    return {false, "TREEHOLD_CGROUP is not set",
            "name a delegated directory: TREEHOLD_CGROUP or GroupOptions::cgroup"};
  }
  return found_by([&](const ControllerSet& wanted) { return find_cgroup_place(wanted, *named); });
}

Guarantee scope() {
  if (const auto problem = problem_with_manager(ServiceManager::automatic)) {
    return {false, problem->reason, problem->remedy};
  }
  return {true, "systemd runs here; whether it grants one is known when it is asked", ""};
}

Guarantee version_1() {
  std::map<std::string, ControllerSet> found;
  std::string reason;
  for (const Controller controller : all_controllers()) {
    if (const auto problem = hybrid_problem(controller); !problem) {
      found[hybrid_place(controller)].insert(controller);
    } else if (reason.empty()) {
      reason = Obstacle{problem->path, problem->reason, problem->error, ""}.text();
    }
  }
  return {!found.empty(), found.empty() ? reason : text_of(found), ""};
}

}  // namespace

std::vector<std::pair<std::string, Guarantee>> cgroup_limit_places() {
  return {{"delegation_root", found_by(find_delegation_root)},
          {"named_directory", named_directory()},
          {"host_leaf", leaf_guarantee()},
          {"scope", scope()},
          {"version_1", version_1()},
          {"refusal", refusal_guarantee()}};
}

}  // namespace treehold::inline v0::platform
