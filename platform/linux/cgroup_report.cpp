// What the mechanism cgroup_v2 is worth on this host, found out without making anything.
#include <algorithm>
#include <string>

#include "platform/linux/cgroup_group.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/guarantees.hpp"
#include "platform/linux/hybrid_controllers.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

/// Whether a group can be given this controller.
Guarantee controller_guarantee(Controller controller) {
  const CgroupPlace place = find_cgroup_place({controller});
  if (!place.directory.empty()) {
    return {true, "the controller " + std::string(to_string(controller)) + " in " + place.directory,
            ""};
  }
  const auto problem = hybrid_problem(controller);
  if (!problem) {
    return {true,
            "the controller " + std::string(to_string(controller)) + " of version 1 in " +
                hybrid_place(controller),
            ""};
  }
  Guarantee refused{false, place.obstacle.text(), place.obstacle.remedy};
  if (!problem->path.empty()) {
    refused.reason += "; version 1: " + problem->path + ": " + problem->reason;
  }
  return refused;
}

Guarantee limit_guarantee(const LimitController& limit) {
  Guarantee controller = controller_guarantee(limit.controller);
  const bool only_unified = limit.limit == std::string_view("memory_high") ||
                            limit.limit == std::string_view("oom_kills_group");
  if (controller.holds && only_unified && find_cgroup_place({limit.controller}).directory.empty()) {
    return {false, "version 1 of the controller memory has none",
            "run with a unified cgroup hierarchy"};
  }
  return controller;
}

void add_statistics(Guarantees& all, const Guarantee& available) {
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
  const Guarantee memory = controller_guarantee(Controller::memory);
  const Guarantee pids = controller_guarantee(Controller::pids);
  add("processes", counted("cgroup.procs"));
  add("threads", pids);
  add("threads_peak", since(pids, 6, 1, "pids.peak"));
  add("cpu", counted("cpu.stat"));
  add("memory", memory);
  const bool unified = !find_cgroup_place({Controller::memory}).directory.empty();
  add("memory_peak", unified ? since(memory, 5, 19, "memory.peak") : memory);
  add("io", find_cgroup_place({Controller::io}).directory.empty()
                ? Guarantee{false, find_cgroup_place({Controller::io}).obstacle.text(),
                            find_cgroup_place({Controller::io}).obstacle.remedy}
                : controller_guarantee(Controller::io));
  add("pressure", read_file("/proc/pressure/cpu")
                      ? counted("pressure stall information")
                      : Guarantee{false, "the kernel does not count pressure (/proc/pressure)",
                                  "boot with psi=1"});
}

Guarantees cgroup_guarantees(const CgroupPlace& place) {
  Guarantees all = common_guarantees(Mechanism::cgroup_v2);
  const Guarantee available = place.directory.empty()
                                  ? Guarantee{false, place.obstacle.text(), place.obstacle.remedy}
                                  : Guarantee{true, "groups can be made in " + place.directory, ""};
  const auto kept = [&available](const char* why) {
    return available.holds ? Guarantee{true, why, ""} : available;
  };
  all.escape_contained =
      kept("membership of a cgroup is inherited and does not depend on sessions or parents");
  all.fork_bomb_contained = kept("cgroup.kill ends all members at one moment, also against forks");
  all.atomic_freeze = kept("cgroup.freeze");
  all.members_complete = kept("cgroup.procs, with all groups below");
  for (const LimitController& limit : limit_controllers()) {
    all.limits.emplace_back(limit.limit, available.holds ? limit_guarantee(limit) : available);
  }
  add_statistics(all, available);
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
  report.guarantees = cgroup_guarantees(place);
  return report;
}

}  // namespace treehold::inline v0::platform
