#include "platform/linux/process_group.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "platform/leaf_group.hpp"
#include "platform/linux/guarantees.hpp"
#include "platform/linux/guardian.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/linux/leader.hpp"
#include "platform/linux/no_limits.hpp"
#include "platform/linux/own_child.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/linux/spawn.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {
namespace {

constexpr unsigned to_process_group = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

/// Reaps the zombies of the emptied process group that fell to this process, PID 1 or a subreaper.
/// Its leader, whose exit status is another's to read, stays, and with it the group's number.
void reap_orphans(pid_t group) {
  for (const pid_t child : own_children()) {
    const std::optional<ProcessRecord> process = read_process(child);
    if (child != group && process && process->process_group == group) {
      siginfo_t info{};
      (void)::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | __WALL);
    }
  }
}

class ProcessGroupLeaf final : public Leaf {
 public:
  ProcessGroupLeaf() = default;
  ~ProcessGroupLeaf() override = default;
  ProcessGroupLeaf(const ProcessGroupLeaf&) = delete;
  ProcessGroupLeaf& operator=(const ProcessGroupLeaf&) = delete;

  [[nodiscard]] std::vector<ProcessId> members() const override;
  [[nodiscard]] bool empty() const override;
  void freeze() override { send(SIGSTOP); }
  void thaw() override { send(SIGCONT); }
  [[nodiscard]] bool frozen() const override;

  /// A stop is seen by the parent, and sent on by shells: not for use behind the members' back.
  [[nodiscard]] bool freezes_atomically() const noexcept override { return false; }

  std::size_t deliver(int native_signal) override;

  void kill() noexcept override {
    if (send(SIGKILL) == Reached::group) {
      killed_ = true;
    }
  }

  bool remove() noexcept override;

  /// Lets an empty group go.
  void release() {
    const std::lock_guard lock(mutex_);
    if (leader_ && adopts_orphans() && leader_->pins_number()) {
      reap_orphans(leader_->pid());
    }
    if (guarded_) {
      guarded_->gone();
      guarded_.reset();
    }
    leader_.reset();  // reaps, and lets go of the group's number
  }

  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor&) override { return nullptr; }

  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override {
    reap_leftovers();
    Birthplace place;
    place.way = forced_spawn_way().value_or(SpawnWay::direct);
    place.own_process_group = true;
    auto guarded = std::make_unique<GuardedProcessGroup>();
    place.guarded = guarded.get();
    Spawned spawned = spawn(plan, place);
    std::shared_ptr<Leader> leader = make_leader(spawned);
    guarded->born(leader->pid(), leader->pidfd());
    {
      const std::lock_guard lock(mutex_);
      leader_ = leader;
      guarded_ = std::move(guarded);
    }
    return hand_over(spawned, std::move(leader), executor);
  }

  /// Reaped where the group can still be reached by the pidfd. Elsewhere not yet: as long as the
  /// leader is a zombie its number, which is the group's, is nobody else's.
  void leader_seen() noexcept override {
    const std::lock_guard lock(mutex_);
    if (leader_ && kernel_is_at_least(6, 9) && !adopts_orphans()) {
      (void)leader_->reap();
    }
  }

  void disown() noexcept override {
    if (const std::shared_ptr<Leader> leader = this->leader()) {
      leader->disown();
    }
  }

  [[nodiscard]] std::shared_ptr<Leader> leader() const {
    const std::lock_guard lock(mutex_);
    return leader_;
  }

  /// Whether SIGKILL has reached the whole group.
  [[nodiscard]] bool killed() const noexcept { return killed_; }

  enum class Reached { nobody, leader, group };

  /// To the whole group. By the leader's pidfd, where the kernel can; else by number, while that is
  /// pinned. To the leader by itself while it has yet to make its group.
  Reached send(int native_signal) const noexcept {
    const std::shared_ptr<Leader> leader = this->leader();
    if (!leader) {
      return Reached::nobody;
    }
    if (::syscall(SYS_pidfd_send_signal, leader->pidfd(), native_signal, nullptr,
                  to_process_group) == 0) {
      return Reached::group;
    }
    // Beyond 1 by all means: kill(2) takes -1 for every process there is.
    if (errno == EINVAL && leader->pid() > 1 && leader->pins_number() &&
        ::kill(-leader->pid(), native_signal) == 0) {
      return Reached::group;
    }
    return leader->send(native_signal) ? Reached::leader : Reached::nobody;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Leader> leader_;
  std::unique_ptr<GuardedProcessGroup> guarded_;
  std::atomic<bool> killed_{false};
};

// -- Several leaves at a time, since one look at the table of processes costs as much for all of
// them as for one.

using Leaves = std::vector<const ProcessGroupLeaf*>;

/// The living members of each leaf.
std::vector<std::vector<ProcessRecord>> living_of(const Leaves& leaves) {
  std::vector<std::shared_ptr<Leader>> leaders;  // held: they keep their numbers
  std::set<pid_t> groups;
  for (const ProcessGroupLeaf* leaf : leaves) {
    leaders.push_back(leaf->leader());
    if (leaders.back()) {
      groups.insert(leaders.back()->pid());
    }
  }
  ProcessGroupCensuses censuses = census_of_process_groups(groups);
  std::vector<std::vector<ProcessRecord>> living;
  for (const auto& leader : leaders) {
    living.push_back(leader ? std::move(censuses.at(leader->pid()).living)
                            : std::vector<ProcessRecord>());
  }
  return living;
}

std::vector<ProcessId> members_of(const Leaves& leaves) {
  std::vector<ProcessId> pids;
  for (const auto& living : living_of(leaves)) {
    for (const ProcessRecord& process : living) {
      pids.push_back(process.pid);
    }
  }
  return pids;
}

bool all_frozen(const Leaves& leaves) {
  const auto all = living_of(leaves);
  return std::all_of(all.begin(), all.end(), [](const std::vector<ProcessRecord>& living) {
    return std::all_of(living.begin(), living.end(), [](const ProcessRecord& process) {
      return process.state == 'T' || process.state == 't';
    });
  });
}

std::size_t deliver_to(const Leaves& leaves, int native_signal) {
  const auto all = living_of(leaves);
  std::size_t count = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const bool reached = leaves[i]->send(native_signal) != ProcessGroupLeaf::Reached::nobody;
    count += reached ? all[i].size() : 0;
  }
  return count;
}

/// Which of the leaves hold no living process.
std::vector<bool> which_are_empty(const Leaves& leaves) {
  struct Uncertain {
    std::size_t index;
    std::shared_ptr<Leader> leader;
    bool killed;  ///< before the look at the table
  };
  std::vector<bool> empty(leaves.size(), false);
  std::vector<Uncertain> uncertain;
  std::set<pid_t> groups;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const bool killed = leaves[i]->killed();
    std::shared_ptr<Leader> leader = leaves[i]->leader();
    if (!leader) {
      empty[i] = true;
    } else if (leader->has_ended()) {
      // Asks the kernel, which is quicker than reading the table of all processes, but counts
      // zombies.
      const long asked =
          ::syscall(SYS_pidfd_send_signal, leader->pidfd(), 0, nullptr, to_process_group);
      if (asked != 0 && errno == ESRCH) {
        empty[i] = true;
      } else {
        groups.insert(leader->pid());
        uncertain.push_back({i, std::move(leader), killed});
      }
    }
  }
  if (uncertain.empty()) {
    return empty;
  }
  const ProcessGroupCensuses first = census_of_process_groups(groups);
  std::erase_if(uncertain, [&](const Uncertain& one) {
    const bool found_none = first.at(one.leader->pid()).living.empty();
    // None that was killed can have forked since: whoever was not found is not there.
    empty[one.index] = found_none && one.killed;
    return !found_none || one.killed;
  });
  if (uncertain.empty()) {
    return empty;
  }
  const ProcessGroupCensuses second = census_of_process_groups(groups);
  for (const Uncertain& one : uncertain) {
    const pid_t group = one.leader->pid();
    empty[one.index] = prove_emptiness(first.at(group), second.at(group));
  }
  return empty;
}

std::vector<ProcessId> ProcessGroupLeaf::members() const {
  return members_of({this});
}

bool ProcessGroupLeaf::empty() const {
  return which_are_empty({this}).front();
}

bool ProcessGroupLeaf::frozen() const {
  return all_frozen({this});
}

std::size_t ProcessGroupLeaf::deliver(int native_signal) {
  return deliver_to({this}, native_signal);
}

bool ProcessGroupLeaf::remove() noexcept {
  try {
    if (!empty()) {
      return false;
    }
    release();
    return true;
  } catch (...) {  // no memory: to be tried again
    return false;
  }
}

/// Several leaves as one tree.
class ProcessGroupSet final : public LeafSet {
 public:
  explicit ProcessGroupSet(const std::vector<std::shared_ptr<Leaf>>& leaves) : LeafSet(leaves) {
    for (const auto& leaf : leaves) {
      own_.push_back(static_cast<const ProcessGroupLeaf*>(leaf.get()));
    }
  }

  [[nodiscard]] std::vector<ProcessId> members() const override { return members_of(own_); }
  [[nodiscard]] bool empty() const override {
    const std::vector<bool> all = which_are_empty(own_);
    return std::all_of(all.begin(), all.end(), [](bool one) { return one; });
  }
  [[nodiscard]] bool frozen() const override { return all_frozen(own_); }
  std::size_t deliver(int native_signal) override { return deliver_to(own_, native_signal); }
  bool remove() noexcept override {
    try {
      bool all = true;
      const std::vector<bool> empty = which_are_empty(own_);
      for (std::size_t i = 0; i < own_.size(); ++i) {
        if (empty[i]) {
          static_cast<ProcessGroupLeaf&>(*leaves()[i]).release();
        }
        all = all && empty[i];
      }
      return all;
    } catch (...) {  // no memory: to be tried again
      return false;
    }
  }

 private:
  Leaves own_;
};

class ProcessGroupGroup final : public LeafGroup {
 public:
  [[nodiscard]] Mechanism mechanism() const noexcept override { return Mechanism::process_group; }
  [[nodiscard]] Guarantees guarantees() const override { return process_group_report().guarantees; }
  void update_limits(const Limits& /*before*/, const Limits& wanted) override {
    refuse_limits(mechanism(), wanted);
  }

 private:
  [[nodiscard]] std::shared_ptr<Leaf> fresh_leaf() override {
    return std::make_shared<ProcessGroupLeaf>();
  }
  [[nodiscard]] std::shared_ptr<LeafSet> set_of(
      const std::vector<std::shared_ptr<Leaf>>& leaves) const override {
    return std::make_shared<ProcessGroupSet>(leaves);
  }
};

}  // namespace

std::shared_ptr<Group> make_process_group_group(const GroupSettings& settings) {
  refuse_limits(Mechanism::process_group, settings.limits);
  return std::make_shared<ProcessGroupGroup>();
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
