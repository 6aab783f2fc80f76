// What the mechanism cgroup_v2 is worth on this host, found out without making anything.
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "platform/linux/cgroup_group.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/cgroup_places.hpp"
#include "platform/linux/guarantees.hpp"
#include "platform/linux/hybrid_controllers.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/missing_limits.hpp"
#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

/// How a group can be given a controller.
struct ControllerReport {
  Guarantee unified;
  Guarantee any;  ///< the same, or version 1
};

ControllerReport report_on(Controller controller) {
  const std::string name = "the controller " + std::string(to_string(controller));
  const CgroupPlace place = find_cgroup_place({controller});
  if (!place.directory.empty()) {
    const Guarantee unified{true, name + " in " + place.directory, ""};
    return {unified, unified};
  }
  const Guarantee unified{false, place.obstacle.text(), place.obstacle.remedy};
  const auto problem = hybrid_problem(controller);
  if (!problem) {
    return {unified, {true, name + " of version 1 in " + hybrid_place(controller), ""}};
  }
  Guarantee refused = unified;
  if (!problem->path.empty()) {
    refused.reason += "; version 1: " + problem->path + ": " + problem->reason;
  }
  return {unified, refused};
}

/// Each once: looking costs.
using ControllerReports = std::map<Controller, ControllerReport>;

ControllerReports report_on_all() {
  ControllerReports reports;
  for (const Controller controller : all_controllers()) {
    reports.emplace(controller, report_on(controller));
  }
  return reports;
}

Guarantee limit_guarantee(const LimitController& limit, const ControllerReport& controller) {
  const bool only_unified = limit.limit == std::string_view("memory_high") ||
                            limit.limit == std::string_view("oom_kills_group");
  if (controller.any.holds && only_unified && !controller.unified.holds) {
    return {false, "version 1 of the controller memory has none",
            "run with a unified cgroup hierarchy"};
  }
  return controller.any;
}

void add_statistics(Guarantees& all, const Guarantee& available,
                    const ControllerReports& controllers) {
  const auto add = [&all](const char* name, Guarantee guarantee) {
    all.statistics.emplace_back(name, std::move(guarantee));
  };
  const auto since = [](const Guarantee& guarantee, int major, int minor, const char* file) {
    if (!guarantee.holds || kernel_is_at_least(major, minor)) {
      return guarantee;
    }
    return Guarantee{
        false,
        std::string(file) + " needs Linux " + std::to_string(major) + "." + std::to_string(minor),
        ""};
  };
  const auto counted = [&available](const char* reason) {
    return available.holds ? Guarantee{true, reason, ""} : available;
  };
  const ControllerReport& memory = controllers.at(Controller::memory);
  const Guarantee& pids = controllers.at(Controller::pids).any;
  add("processes", counted("cgroup.procs"));
  add("threads", pids);
  add("threads_peak", since(pids, 6, 1, "pids.peak"));
  add("cpu", counted("cpu.stat"));
  add("memory", memory.any);
  add("memory_peak",
      memory.unified.holds ? since(memory.unified, 5, 19, "memory.peak") : memory.any);
  add("io", controllers.at(Controller::io).unified);
  add("pressure", read_file("/proc/pressure/cpu")
                      ? counted("pressure stall information")
                      : Guarantee{false, "the kernel does not count pressure (/proc/pressure)",
                                  "boot with psi=1"});
}

Guarantees cgroup_guarantees(const Guarantee& available) {
  Guarantees all = common_guarantees(Mechanism::cgroup_v2);
  const ControllerReports controllers = report_on_all();
  const auto kept = [&available](const char* why) {
    return available.holds ? Guarantee{true, why, ""} : available;
  };
  all.escape_contained =
      kept("membership of a cgroup is inherited and does not depend on sessions or parents");
  all.fork_bomb_contained = kept("cgroup.kill ends all members at one moment, also against forks");
  all.survives_host_kill = available.holds ? guardian_guarantee(guardian_policy()) : available;
  all.atomic_freeze = kept("cgroup.freeze");
  all.members_complete = kept("cgroup.procs, with all groups below");
  for (const LimitController& limit : limit_controllers()) {
    all.limits.emplace_back(
        limit.limit,
        available.holds ? limit_guarantee(limit, controllers.at(limit.controller)) : available);
  }
  report_missing_limits(all);
  all.limit_places = cgroup_limit_places();
  add_statistics(all, available, controllers);
  all.not_covered = {
      "a hostile program of the same user: it can move itself out through a common ancestor",
      "processes that others start on request (service manager, cron, container engine)",
      "members in uninterruptible sleep, until they wake",
      "the time while the host's own cgroup is frozen",
      "files and shared memory",
  };
  return all;
}

}  // namespace

MechanismReport cgroup_report() {
  const CgroupPlace place = find_cgroup_place();
  MechanismReport report;
  report.available = place.directory.empty()
                         ? Guarantee{false, place.obstacle.text(), place.obstacle.remedy}
                         : Guarantee{true, "groups can be made in " + place.directory, ""};
  report.guarantees = cgroup_guarantees(report.available);
  return report;
}

}  // namespace treehold::inline v0::platform
