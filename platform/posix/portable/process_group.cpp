#include "platform/posix/portable/process_group.hpp"

#include <signal.h>

#include <memory>
#include <optional>
#include <vector>

#include "platform/posix/dispositions.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/portable/lineage.hpp"
#include "platform/posix/portable/no_limits.hpp"
#include "platform/posix/portable/reaper.hpp"
#include "platform/posix/portable/spawn.hpp"
#include "platform/posix/portable/system.hpp"
#include "platform/posix/process_group.hpp"

namespace treehold::inline v0::platform {
namespace {

class SweptLeaf final : public ProcessGroupLeaf {
 public:
  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override {
    reap_leftovers();
    Spawned spawned = spawn(*plan);
    lead(spawned.leader);
    return hand_over(spawned, spawned.leader, executor);
  }

  /// As long as the leader is a zombie its number, which is the group's, is nobody else's.
  void leader_seen() noexcept override {}

  /// To the group by its number, while that is pinned, and to the others one by one.
  [[nodiscard]] Reached send(int native_signal) const override {
    const std::shared_ptr<Leader> leader = this->leader();
    if (!leader) {
      return Reached::nobody;
    }
    // Looked for before: who is killed bears witness of nobody.
    const ProcessGroupCensus census = find(read_process_table(), *leader);
    // Beyond 1 by all means: kill(2) takes -1 for every process there is.
    const bool by_number =
        leader->pid() > 1 && leader->pins_number() && ::kill(-leader->pid(), native_signal) == 0;
    bool others = false;
    bool other_reached = false;
    for (const ProcessRecord& process : census.living) {
      if (!by_number || process.process_group != leader->pid()) {
        others = others || process.pid != leader->pid();
        other_reached = send_to_process(process, native_signal) || other_reached;
      }
    }
    if (by_number) {
      return group_signals_are_atomic() && !others ? Reached::everybody : Reached::group;
    }
    return other_reached ? Reached::group : Reached::nobody;
  }

  /// Those that have left the group are known to the table alone.
  [[nodiscard]] bool is_known_to_be_gone(const Leader& /*leader*/) const noexcept override {
    return false;
  }

  [[nodiscard]] std::vector<ProcessGroupCensus> look_at(
      const std::vector<const ProcessGroupLeaf*>& leaves) const override {
    const ProcessTable table = read_process_table();
    std::vector<ProcessGroupCensus> censuses;
    for (const ProcessGroupLeaf* leaf : leaves) {
      const std::shared_ptr<Leader> leader = leaf->leader();
      censuses.push_back(leader ? static_cast<const SweptLeaf*>(leaf)->find(table, *leader)
                                : ProcessGroupCensus());
    }
    return censuses;
  }

 private:
  [[nodiscard]] ProcessGroupCensus find(const ProcessTable& table, const Leader& leader) const {
    return lineage_.find(table, leader.pid(),
                         leader.pins_number() ? Lineage::Number::held : Lineage::Number::lost);
  }

  void before_release(const Leader& leader) override {
    if (leader.pins_number()) {
      reap_orphans_of(leader.pid());
    }
  }

  mutable Lineage lineage_;
};

class SweptGroup final : public ProcessGroupGroup {
 public:
  [[nodiscard]] Guarantees guarantees() const override { return process_group_report().guarantees; }
  void update_limits(const Limits& /*before*/, const Limits& wanted) override {
    refuse_limits(wanted);
  }

 private:
  [[nodiscard]] std::shared_ptr<Leaf> fresh_leaf() override {
    return std::make_shared<SweptLeaf>();
  }
};

}  // namespace

std::shared_ptr<Group> make_process_group_group(const GroupSettings& settings) {
  refuse_limits(settings.limits);
  return std::make_shared<SweptGroup>();
}

MechanismReport process_group_report() {
  MechanismReport report;
  report.available = {true, "process groups are part of POSIX", ""};
  Guarantees& all = report.guarantees;
  all.mechanism = Mechanism::process_group;
  all.escape_contained = {
      false,
      "setsid(2) and setpgid(2) leave a process group; who has left is found by "
      "descent, but not behind a parent that ended before",
      ""};
  all.fork_bomb_contained = {
      false, "a fork may outrun killpg(3) and the look at the table; both are repeated", ""};
  all.survives_host_kill = {
      false, "there is no guardian on this system, and its kernel has no such tie", ""};
  all.atomic_freeze = {false, "SIGSTOP reaches the members one by one, and their parents see it",
                       ""};
  all.members_complete = {
      false, "members that left the process group are not listed once their parents have ended",
      ""};
  all.exit_status_kept =
      exit_statuses_are_discarded()
          ? Guarantee{false, "SIGCHLD is ignored by the host: the kernel drops exit statuses",
                      "let the host not ignore SIGCHLD (SIG_DFL, without SA_NOCLDWAIT)"}
          : Guarantee{true, "the kernel keeps it until the leader is reaped", ""};
  report_no_limits(all);
  if (const std::optional<MechanismReport> better = reaper_report()) {
    for (Guarantee Guarantees::*promise :
         {&Guarantees::escape_contained, &Guarantees::survives_host_kill,
          &Guarantees::members_complete, &Guarantees::exit_status_kept}) {
      if (!(all.*promise).holds && (better->guarantees.*promise).holds) {
        (all.*promise).remedy = "use the mechanism reaper";
      }
    }
  }
  all.not_covered = {
      "members that left their process group and whose parent ended at once, such as daemons",
      "what is running when the host is killed",
      "a number given anew between the last look at a member outside of its group and the signal",
      "processes that others start on request (launchd, service manager, cron, container engine)",
      "members in uninterruptible sleep, until they wake",
      "files and shared memory",
  };
  return report;
}

}  // namespace treehold::inline v0::platform
