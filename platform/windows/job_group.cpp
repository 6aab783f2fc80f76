#include "platform/windows/job_group.hpp"

#include <atomic>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "platform/leaf_set.hpp"
#include "platform/weak_list.hpp"
#include "platform/windows/job.hpp"
#include "platform/windows/job_accounting.hpp"
#include "platform/windows/job_limits.hpp"
#include "platform/windows/job_notices.hpp"
#include "platform/windows/leader.hpp"
#include "platform/windows/pipe.hpp"
#include "platform/windows/signals.hpp"
#include "platform/windows/soft_stop.hpp"
#include "platform/windows/spawn.hpp"
#include "platform/windows/suspension.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {
namespace {

/// What a group and a leaf have in common: they are a job.
template <class Base>
class JobTree : public Base {
 public:
  [[nodiscard]] std::vector<ProcessId> members() const final { return job_->members(); }
  [[nodiscard]] bool empty() const final { return job_->active() == 0; }

  void freeze() final {
    to_be_frozen_ = true;
    (void)suspension_.suspend(*job_);
  }
  void thaw() final {
    to_be_frozen_ = false;
    suspension_.resume();
  }
  /// Each look suspends who has been started since the last.
  [[nodiscard]] bool frozen() const final { return to_be_frozen_ && suspension_.suspend(*job_); }
  [[nodiscard]] bool freezes_atomically() const noexcept final { return false; }

  Delivery deliver(int native_signal) final {
    if (native_signal == native_kill) {
      const std::size_t count = job_->active();
      job_->terminate();
      return {.members = count};
    }
    std::set<ProcessId> asked = close_windows(job_->members());
    const std::set<ProcessId> broken = break_consoles();
    Delivery sent{.console_breaks = broken.size(), .window_closes = asked.size()};
    asked.insert(broken.begin(), broken.end());
    sent.members = asked.size();
    return sent;
  }
  void kill() noexcept final { job_->terminate(); }

  /// Nothing is left of a job but its handle.
  bool remove() noexcept final {
    try {
      return empty();
    } catch (...) {  // to be asked again
      return false;
    }
  }

  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& executor) final {
    return notices_.watch(job_->get(), executor);
  }

  /// There are no forks.
  void disown() noexcept final {}

 protected:
  JobTree() : job_(std::make_shared<Job>()) {}

  [[nodiscard]] const std::shared_ptr<Job>& job() const noexcept { return job_; }

  /// CTRL_BREAK to the leaders that can be sent it; to whom it was.
  [[nodiscard]] virtual std::set<ProcessId> break_consoles() = 0;

 private:
  const std::shared_ptr<Job> job_;
  JobNotices notices_;
  std::atomic<bool> to_be_frozen_{false};
  mutable Suspension suspension_;
};

class JobLeaf final : public JobTree<Leaf> {
 public:
  /// `outer`: the job of the group.
  explicit JobLeaf(std::shared_ptr<Job> outer) noexcept : outer_(std::move(outer)) {}

  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override {
    Spawned spawned = spawn(*plan, {outer_->get(), job()->get()});
    Launched launched;
    if (spawned.failure) {
      launched.leader = watch_failure(told_apart(*spawned.failure), executor);
      return launched;
    }
    launched.pid = spawned.pid;
    if (plan->new_process_group) {
      const std::lock_guard lock(mutex_);
      console_leader_ = duplicate(spawned.process.get(), false);
    }
    launched.leader = watch_leader(std::move(spawned.process), {outer_, job()}, executor);
    if (spawned.standard_input) {
      launched.standard_input = open_input_pipe(std::move(spawned.standard_input), executor);
    }
    if (spawned.standard_output) {
      launched.standard_output = open_output_pipe(std::move(spawned.standard_output), executor);
    }
    if (spawned.standard_error) {
      launched.standard_error = open_output_pipe(std::move(spawned.standard_error), executor);
    }
    return launched;
  }

  void leader_seen() noexcept override {}

  [[nodiscard]] std::set<ProcessId> break_consoles() override {
    const std::lock_guard lock(mutex_);
    // Held by its handle, also when it has ended: the number is that of nobody else.
    const auto pid = console_leader_ ? ProcessId{::GetProcessId(console_leader_.get())} : 0;
    return pid != 0 && send_ctrl_break(pid) ? std::set<ProcessId>{pid} : std::set<ProcessId>();
  }

 private:
  /// The system says with one and the same error that a job is full and that it is out of memory.
  [[nodiscard]] SpawnFailure told_apart(const SpawnFailure& failure) const {
    JOBOBJECT_EXTENDED_LIMIT_INFORMATION limits{};
    const bool full =
        failure.code.value() == ERROR_NOT_ENOUGH_QUOTA &&
        outer_->query(JobObjectExtendedLimitInformation, limits) &&
        (limits.BasicLimitInformation.LimitFlags & JOB_OBJECT_LIMIT_ACTIVE_PROCESS) != 0 &&
        outer_->active() >= limits.BasicLimitInformation.ActiveProcessLimit;
    if (!full) {
      return failure;
    }
    return {SpawnStage::container,
            make_error_code(boost::system::errc::resource_unavailable_try_again)};
  }

  const std::shared_ptr<Job> outer_;
  std::mutex mutex_;
  UniqueHandle console_leader_;
};

class JobGroup final : public JobTree<Group> {
 public:
  explicit JobGroup(const Limits& limits) { set_limits(*job(), limits); }

  [[nodiscard]] Mechanism mechanism() const noexcept override { return Mechanism::job_object; }
  [[nodiscard]] Guarantees guarantees() const override { return job_object_report().guarantees; }

  [[nodiscard]] std::shared_ptr<Leaf> make_leaf() override {
    auto leaf = std::make_shared<JobLeaf>(job());
    leaves_.add(leaf);
    return leaf;
  }

  void update_limits(const Limits& before, const Limits& wanted) override {
    try {
      set_limits(*job(), wanted);
    } catch (...) {
      set_limits(*job(), before);
      throw;
    }
  }

  [[nodiscard]] Statistics statistics() const override { return statistics_of(*job()); }
  [[nodiscard]] LimitEvidence evidence(const Limits& limits) const override {
    return evidence_of(*job(), limits);
  }
  /// Nobody is killed for want of memory: allocations fail.
  [[nodiscard]] MemoryKills memory_kills() const override { return {}; }

  [[nodiscard]] std::shared_ptr<Tree> tree_of(
      const std::vector<std::shared_ptr<Leaf>>& leaves) override {
    return std::make_shared<LeafSet>(leaves);
  }

  [[nodiscard]] std::set<ProcessId> break_consoles() override {
    std::set<ProcessId> all;
    for (const auto& leaf : leaves_.living()) {
      all.merge(leaf->break_consoles());
    }
    return all;
  }

 private:
  WeakList<JobLeaf> leaves_;
};

}  // namespace

std::shared_ptr<Group> make_job_group(const GroupSettings& settings) {
  if (!settings.cgroup.empty()) {
    throw Unsupported("cgroup", "this system is Windows");
  }
  return std::make_shared<JobGroup>(settings.limits);
}

MechanismReport job_object_report() {
  MechanismReport report;
  report.available = {true, "job objects can be nested since Windows 8", ""};
  Guarantees& all = report.guarantees;
  all.mechanism = Mechanism::job_object;
  all.escape_contained = {true, "what a member starts is a member, breaking away is not allowed",
                          ""};
  all.fork_bomb_contained = {true, "TerminateJobObject ends all members, and is repeated", ""};
  all.survives_host_kill = {true, "the job ends with its last handle, which the host holds", ""};
  all.atomic_freeze = {false, "members are suspended one by one", ""};
  all.members_complete = {true, "the job lists its members", ""};
  all.exit_status_kept = {true, "the system keeps it as long as a handle is held", ""};
  report_limits(all);
  report_statistics(all);
  all.not_covered = {
      "processes that others start on request (services, scheduled tasks, WMI, COM servers)",
      "files and shared memory",
  };
  return report;
}

}  // namespace treehold::inline v0::platform
