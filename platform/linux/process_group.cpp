#include "platform/linux/process_group.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "platform/leaf_set.hpp"
#include "platform/linux/guarantees.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/linux/leader.hpp"
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

  [[nodiscard]] std::vector<ProcessId> members() const override {
    std::vector<ProcessId> pids;
    for (const ProcessRecord& process : living()) {
      pids.push_back(process.pid);
    }
    return pids;
  }

  [[nodiscard]] bool empty() const override {
    const std::shared_ptr<Leader> leader = this->leader();
    if (!leader) {
      return true;
    }
    if (!leader->has_ended()) {
      return false;
    }
    // Asks the kernel, which is quicker than reading the table of all processes, but counts
    // zombies.
    if (::syscall(SYS_pidfd_send_signal, leader->pidfd(), 0, nullptr, to_process_group) != 0 &&
        errno == ESRCH) {
      return true;
    }
    const ProcessGroupCensus census = census_of_process_group(leader->pid());
    if (!census.living.empty()) {
      return false;
    }
    // None that was killed can have forked since: whoever was not found is not there.
    return killed_ || prove_emptiness(census, census_of_process_group(leader->pid()));
  }

  void freeze() override { send(SIGSTOP); }
  void thaw() override { send(SIGCONT); }

  [[nodiscard]] bool frozen() const override {
    const std::vector<ProcessRecord> processes = living();
    return std::all_of(processes.begin(), processes.end(), [](const ProcessRecord& process) {
      return process.state == 'T' || process.state == 't';
    });
  }

  /// A stop is seen by the parent, and sent on by shells: not for use behind the members' back.
  [[nodiscard]] bool freezes_atomically() const noexcept override { return false; }

  std::size_t deliver(int native_signal) override {
    const std::size_t count = living().size();
    return send(native_signal) == Reached::nobody ? 0 : count;
  }

  void kill() noexcept override {
    if (send(SIGKILL) == Reached::group) {
      killed_ = true;
    }
  }

  bool remove() noexcept override {
    try {
      if (!empty()) {
        return false;
      }
      const std::lock_guard lock(mutex_);
      if (leader_ && adopts_orphans() && leader_->pins_number()) {
        reap_orphans(leader_->pid());
      }
      leader_.reset();  // reaps, and lets go of the group's number
      return true;
    } catch (...) {  // no memory: to be tried again
      return false;
    }
  }

  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor&) override { return nullptr; }

  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override {
    reap_leftovers();
    Birthplace place;
    place.way = forced_spawn_way().value_or(SpawnWay::direct);
    place.own_process_group = true;
    Spawned spawned = spawn(plan, place);
    auto leader = std::make_shared<Leader>(spawned);
    {
      const std::lock_guard lock(mutex_);
      leader_ = leader;
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

 private:
  [[nodiscard]] std::shared_ptr<Leader> leader() const {
    const std::lock_guard lock(mutex_);
    return leader_;
  }

  [[nodiscard]] std::vector<ProcessRecord> living() const {
    const std::shared_ptr<Leader> leader = this->leader();
    return leader ? census_of_process_group(leader->pid()).living : std::vector<ProcessRecord>();
  }

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

  mutable std::mutex mutex_;
  std::shared_ptr<Leader> leader_;
  std::atomic<bool> killed_{false};  ///< SIGKILL has reached the whole group
};

class ProcessGroupGroup final : public Group {
 public:
  [[nodiscard]] Mechanism mechanism() const noexcept override { return Mechanism::process_group; }
  [[nodiscard]] Guarantees guarantees() const override { return process_group_report().guarantees; }

  [[nodiscard]] std::shared_ptr<Leaf> make_leaf() override {
    auto leaf = std::make_shared<ProcessGroupLeaf>();
    const std::lock_guard lock(mutex_);
    std::erase_if(leaves_, [](const std::weak_ptr<Leaf>& known) { return known.expired(); });
    leaves_.push_back(leaf);
    return leaf;
  }

  [[nodiscard]] std::vector<ProcessId> members() const override { return leaves().members(); }
  [[nodiscard]] bool empty() const override { return leaves().empty(); }
  void freeze() override { leaves().freeze(); }
  void thaw() override { leaves().thaw(); }
  [[nodiscard]] bool frozen() const override { return leaves().frozen(); }
  [[nodiscard]] bool freezes_atomically() const noexcept override { return false; }
  std::size_t deliver(int native_signal) override { return leaves().deliver(native_signal); }
  void kill() noexcept override {
    try {
      leaves().kill();
    } catch (...) {  // no memory: to be repeated
    }
  }
  bool remove() noexcept override {
    try {
      return leaves().remove();
    } catch (...) {  // no memory: to be tried again
      return false;
    }
  }
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor&) override { return nullptr; }
  void disown() noexcept override {}

 private:
  [[nodiscard]] LeafSet leaves() const {
    std::vector<std::shared_ptr<Leaf>> living;
    const std::lock_guard lock(mutex_);
    for (const auto& leaf : leaves_) {
      if (auto held = leaf.lock()) {
        living.push_back(std::move(held));
      }
    }
    return LeafSet(std::move(living));
  }

  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<Leaf>> leaves_;
};

}  // namespace

std::shared_ptr<Group> make_process_group_group() {
  return std::make_shared<ProcessGroupGroup>();
}

MechanismReport process_group_report() {
  const std::string use_cgroup =
      "make a cgroup v2 directory writable for this process (see cgroup_v2)";
  MechanismReport report;
  report.available = {true, "process groups are part of POSIX", ""};
  Guarantees& all = report.guarantees;
  all = common_guarantees(Mechanism::process_group,
                          {false, "a process group has no limits", use_cgroup});
  all.escape_contained = {false, "setsid(2) and setpgid(2) leave a process group", use_cgroup};
  all.fork_bomb_contained = {
      false, "a fork may outrun killpg(3); it is repeated until none is left", use_cgroup};
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
