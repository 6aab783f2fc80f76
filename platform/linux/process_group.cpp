#include "platform/linux/process_group.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "platform/linux/guarantees.hpp"
#include "platform/linux/guardian.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/linux/no_limits.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/linux/spawn.hpp"
#include "platform/posix/leader.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/process_group.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {
namespace {

constexpr unsigned to_process_group = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

class GuardedLeaf final : public ProcessGroupLeaf {
 public:
  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override {
    reap_leftovers();
    Birthplace place;
    place.way = forced_spawn_way().value_or(SpawnWay::direct);
    place.own_process_group = true;
    auto guarded = std::make_unique<GuardedProcessGroup>();
    place.guarded = guarded.get();
    Spawned spawned = spawn(plan, place);
    std::shared_ptr<Leader> leader = make_leader(spawned);
    guarded->born(leader->pid(), leader->end_notice());
    guarded_ = std::move(guarded);
    lead(leader);
    return hand_over(spawned, std::move(leader), executor);
  }

  /// Reaped where the group can still be reached by the pidfd. Elsewhere not yet: as long as the
  /// leader is a zombie its number, which is the group's, is nobody else's.
  void leader_seen() noexcept override {
    const std::shared_ptr<Leader> leader = this->leader();
    if (leader && kernel_is_at_least(6, 9) && !adopts_orphans()) {
      (void)leader->reap();
    }
  }

  /// By the leader's pidfd, where the kernel can; else by number, while that is pinned. A fork is
  /// refused while a signal for the whole group is pending: all are reached.
  [[nodiscard]] Reached send(int native_signal) const override {
    const std::shared_ptr<Leader> leader = this->leader();
    if (!leader) {
      return Reached::nobody;
    }
    if (::syscall(SYS_pidfd_send_signal, leader->end_notice(), native_signal, nullptr,
                  to_process_group) == 0) {
      return Reached::everybody;
    }
    // Beyond 1 by all means: kill(2) takes -1 for every process there is.
    if (errno == EINVAL && leader->pid() > 1 && leader->pins_number() &&
        ::kill(-leader->pid(), native_signal) == 0) {
      return Reached::everybody;
    }
    return leader->send(native_signal) ? Reached::leader : Reached::nobody;
  }

  [[nodiscard]] bool is_known_to_be_gone(const Leader& leader) const noexcept override {
    return ::syscall(SYS_pidfd_send_signal, leader.end_notice(), 0, nullptr, to_process_group) !=
               0 &&
           errno == ESRCH;
  }

  [[nodiscard]] std::vector<ProcessGroupCensus> look_at(
      const std::vector<const ProcessGroupLeaf*>& leaves) const override {
    std::vector<std::shared_ptr<Leader>> leaders;  // held: they keep their numbers
    std::set<pid_t> groups;
    for (const ProcessGroupLeaf* leaf : leaves) {
      leaders.push_back(leaf->leader());
      if (leaders.back()) {
        groups.insert(leaders.back()->pid());
      }
    }
    ProcessGroupCensuses found = census_of_process_groups(groups);
    std::vector<ProcessGroupCensus> censuses;
    for (const auto& leader : leaders) {
      censuses.push_back(leader ? std::move(found.at(leader->pid())) : ProcessGroupCensus());
    }
    return censuses;
  }

 private:
  void before_release(const Leader& leader) override {
    if (adopts_orphans() && leader.pins_number()) {
      reap_orphans(leader.pid());
    }
    guarded_->gone();
    guarded_.reset();
  }

  std::unique_ptr<GuardedProcessGroup> guarded_;
};

class GuardedGroup final : public ProcessGroupGroup {
 public:
  [[nodiscard]] Guarantees guarantees() const override { return process_group_report().guarantees; }
  void update_limits(const Limits& /*before*/, const Limits& wanted) override {
    refuse_limits(mechanism(), wanted);
  }

 private:
  [[nodiscard]] std::shared_ptr<Leaf> fresh_leaf() override {
    return std::make_shared<GuardedLeaf>();
  }
};

}  // namespace

std::shared_ptr<Group> make_process_group_group(const GroupSettings& settings) {
  refuse_limits(Mechanism::process_group, settings.limits);
  return std::make_shared<GuardedGroup>();
}

MechanismReport process_group_report() {
  const std::string use_cgroup = remedy_by_cgroup();
  MechanismReport report;
  report.available = {true, "process groups are part of POSIX", ""};
  Guarantees& all = report.guarantees;
  all = common_guarantees(Mechanism::process_group);
  report_no_limits(all);
  all.escape_contained = {false, "setsid(2) and setpgid(2) leave a process group", use_cgroup};
  all.fork_bomb_contained = {
      false, "a fork may outrun killpg(3); it is repeated until none is left", use_cgroup};
  all.survives_host_kill = process_group_guarantee();
  all.atomic_freeze = {false, "SIGSTOP reaches the members one by one, and their parents see it",
                       use_cgroup};
  all.members_complete = {false, "members that left the process group are not listed", use_cgroup};
  all.not_covered = {
      "members that call setsid(2) or setpgid(2), such as daemons",
      "processes that others start on request (service manager, cron, container engine)",
      "members in uninterruptible sleep, until they wake",
      "files and shared memory",
  };
  return report;
}

}  // namespace treehold::inline v0::platform
