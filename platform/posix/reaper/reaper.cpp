#include "platform/posix/portable/reaper.hpp"

#include <signal.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "platform/leaf_group.hpp"
#include "platform/posix/keeper.hpp"
#include "platform/posix/leader.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/portable/lineage.hpp"
#include "platform/posix/portable/no_limits.hpp"
#include "platform/posix/portable/system.hpp"
#include "platform/posix/reaper/descendants.hpp"
#include "platform/posix/reaper/spawn.hpp"

namespace treehold::inline v0::platform {
namespace {

/// All that is below a keeper.
class ReaperLeaf final : public Leaf {
 public:
  /// `a_tree_was_lost` is the group's.
  explicit ReaperLeaf(std::shared_ptr<std::atomic<bool>> a_tree_was_lost) noexcept
      : a_tree_was_lost_(std::move(a_tree_was_lost)) {}

  [[nodiscard]] std::vector<ProcessId> members() const override;
  [[nodiscard]] bool empty() const override;
  void freeze() override { (void)deliver(SIGSTOP); }
  void thaw() override { (void)deliver(SIGCONT); }
  [[nodiscard]] bool frozen() const override;

  /// A stop is seen by the parent, and sent on by shells: not for use behind the members' back.
  [[nodiscard]] bool freezes_atomically() const noexcept override { return false; }

  Delivery deliver(int native_signal) override;
  void kill() noexcept override;
  bool remove() noexcept override;
  [[nodiscard]] bool lost() const noexcept override { return lost_; }
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& /*executor*/) override {
    return nullptr;
  }
  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override;
  void leader_seen() noexcept override {}
  void disown() noexcept override;

 private:
  struct Roots {
    std::shared_ptr<Keeper> keeper;
    std::shared_ptr<Leader> leader;
  };
  [[nodiscard]] Roots roots() const {
    const std::lock_guard lock(mutex_);
    return roots_;
  }

  [[nodiscard]] std::vector<Descendant> living() const;
  [[nodiscard]] std::vector<ProcessRecord> living_remnants(const Leader& leader) const;

  const std::shared_ptr<std::atomic<bool>> a_tree_was_lost_;
  std::atomic<bool> lost_{false};
  mutable std::mutex mutex_;
  Roots roots_;              ///< none before the launch and behind the end
  mutable Lineage lineage_;  ///< of a tree whose keeper was killed
  bool killed_ = false;
};

bool is_stopped(const ProcessRecord& process) {
  return process.state == 'T' || process.state == 't';
}

std::vector<Descendant> ReaperLeaf::living() const {
  const Roots tree = roots();
  if (!tree.keeper) {
    return {};
  }
  if (tree.keeper->lost()) {
    std::vector<Descendant> living;
    for (const ProcessRecord& process : living_remnants(*tree.leader)) {
      living.push_back({process.pid, is_stopped(process)});
    }
    return living;
  }
  std::vector<Descendant> living = descendants_of(tree.keeper->pid(), tree.leader->pid());
  // Nobody is below it any more: whoever was found there was another's.
  return tree.keeper->has_ended() ? std::vector<Descendant>() : living;
}

/// Of a tree whose keeper was killed: what is below its leader, and what was at earlier looks.
std::vector<ProcessRecord> ReaperLeaf::living_remnants(const Leader& leader) const {
  const ProcessTable table = read_process_table();
  // Its number was its own in that table if it is now.
  const auto number = leader.has_ended() ? Lineage::Number::lost : Lineage::Number::held;
  return lineage_.find(table, leader.pid(), number).living;
}

std::vector<ProcessId> ReaperLeaf::members() const {
  std::vector<ProcessId> pids;
  for (const Descendant& member : living()) {
    pids.push_back(member.pid);
  }
  return pids;
}

bool ReaperLeaf::empty() const {
  const Roots tree = roots();
  return !tree.keeper || tree.keeper->tree_ended() ||
         (tree.keeper->lost() && tree.leader->has_ended() && living().empty());
}

bool ReaperLeaf::frozen() const {
  const std::vector<Descendant> all = living();
  return std::all_of(all.begin(), all.end(), [](const Descendant& one) { return one.stopped; });
}

Delivery ReaperLeaf::deliver(int native_signal) {
  const Roots tree = roots();
  if (!tree.keeper) {
    return {};
  }
  if (tree.keeper->lost()) {
    std::size_t count = 0;
    for (const ProcessRecord& process : living_remnants(*tree.leader)) {
      count += send_to_process(process, native_signal) ? 1 : 0;
    }
    return {.members = count};
  }
  return {.members = send_to_descendants(tree.keeper->pid(), tree.leader->pid(), native_signal)};
}

void ReaperLeaf::kill() noexcept {
  Roots tree;
  {
    const std::lock_guard lock(mutex_);
    killed_ = true;
    tree = roots_;
  }
  if (!tree.keeper) {
    return;
  }
  tree.keeper->end_tree();
  if (tree.keeper->lost()) {
    try {
      freeze();  // who is killed bears witness of nobody
      (void)deliver(SIGKILL);
    } catch (...) {  // no memory: to be repeated
    }
  }
}

bool ReaperLeaf::remove() noexcept {
  try {
    const Roots tree = roots();
    if (!tree.keeper) {
      return true;
    }
    if (!tree.keeper->has_ended() && !(tree.keeper->tree_ended() && tree.keeper->wait_for_end())) {
      return false;
    }
    if (tree.keeper->lost()) {
      lost_ = true;
      *a_tree_was_lost_ = true;
      if (!empty()) {
        return false;
      }
    }
    (void)tree.keeper->reap();
    const std::lock_guard lock(mutex_);
    roots_ = {};
    return true;
  } catch (...) {  // no memory: to be tried again
    return false;
  }
}

Launched ReaperLeaf::launch(const std::shared_ptr<const SpawnPlan>& plan,
                            const Executor& executor) {
  reap_leftovers();
  KeptSpawn spawned = spawn_kept(*plan);
  {
    const std::lock_guard lock(mutex_);
    roots_ = {spawned.keeper, spawned.leader};
    if (killed_) {
      spawned.keeper->end_tree();
    }
  }
  return hand_over(spawned, spawned.leader, executor);
}

void ReaperLeaf::disown() noexcept {
  const std::lock_guard lock(mutex_);
  if (roots_.leader) {
    roots_.leader->disown();  // and with it the keeper
  }
}

class ReaperGroup final : public LeafGroup {
 public:
  [[nodiscard]] Mechanism mechanism() const noexcept override { return Mechanism::reaper; }
  [[nodiscard]] Guarantees guarantees() const override { return reaper_report()->guarantees; }
  void update_limits(const Limits& /*before*/, const Limits& wanted) override {
    refuse_limits(wanted);
  }
  [[nodiscard]] bool lost() const noexcept override { return *a_tree_was_lost_; }

 private:
  [[nodiscard]] std::shared_ptr<Leaf> fresh_leaf() override {
    return std::make_shared<ReaperLeaf>(a_tree_was_lost_);
  }

  const std::shared_ptr<std::atomic<bool>> a_tree_was_lost_ =
      std::make_shared<std::atomic<bool>>(false);
};

}  // namespace

std::shared_ptr<Group> make_reaper_group(const GroupSettings& settings) {
  refuse_limits(settings.limits);
  if (const Guarantee available = reapers_available(); !available.holds) {
    throw Unsupported("mechanism reaper", available.reason);
  }
  return std::make_shared<ReaperGroup>();
}

std::optional<MechanismReport> reaper_report() {
  MechanismReport report;
  report.available = reapers_available();
  Guarantees& all = report.guarantees;
  all.mechanism = Mechanism::reaper;
  all.escape_contained = {true, "orphans fall to a keeper, a reaper, one a start", ""};
  all.fork_bomb_contained = forks_are_outrun();
  all.survives_host_kill = {true, "the keeper ends the tree when the host has gone", ""};
  all.atomic_freeze = {false, "SIGSTOP reaches the members one by one, and their parents see it",
                       ""};
  all.members_complete = {true, "all that is below the keeper", ""};
  all.exit_status_kept = {true, "the keeper waits for the leader", ""};
  report_no_limits(all);
  all.not_covered = {
      "members that kill the keeper, which is reported: orphans of that moment are out of reach",
      "members of other users that this process may not signal",
      "processes that others start on request (service manager, cron, container engine)",
      "members in uninterruptible sleep, until they wake",
      "files and shared memory",
  };
  return report;
}

}  // namespace treehold::inline v0::platform
