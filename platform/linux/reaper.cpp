#include "platform/linux/reaper.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "platform/leaf_group.hpp"
#include "platform/linux/guarantees.hpp"
#include "platform/linux/no_limits.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/linux/spawn.hpp"
#include "platform/posix/keeper.hpp"
#include "platform/posix/leader.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/readable.hpp"
#include "platform/posix/system.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;

/// Tells once, when a process has ended.
class EndWatch final : public ChangeWatch, public std::enable_shared_from_this<EndWatch> {
 public:
  EndWatch(UniqueFd pidfd, const Executor& executor) : pidfd_(executor, pidfd.release()) {}

  /// A pidfd stays readable: a second time there is nothing to tell.
  void async_changed(Handler<boost::system::error_code> handler) override {
    if (!told_) {
      pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                        [self = shared_from_this(), handler = std::move(handler)](
                            const boost::system::error_code& error) mutable {
                          self->told_ = true;
                          std::move(handler)(error);
                        });
    }
  }

  void cancel() override { pidfd_.cancel(); }

 private:
  asio::posix::stream_descriptor pidfd_;
  bool told_ = false;
};

struct Member {
  ProcessRecord process;
  /// Null below a living keeper, and when there is no descriptor to be had.
  std::shared_ptr<const UniqueFd> pidfd;
};

class ReaperLeaf final : public Leaf {
 public:
  /// `a_tree_was_lost` is the group's.
  explicit ReaperLeaf(std::shared_ptr<std::atomic<bool>> a_tree_was_lost) noexcept
      : a_tree_was_lost_(std::move(a_tree_was_lost)) {}

  [[nodiscard]] std::vector<ProcessId> members() const override;
  [[nodiscard]] bool empty() const override;
  void freeze() override;
  void thaw() override { (void)deliver(SIGCONT); }
  [[nodiscard]] bool frozen() const override;

  /// A stop is seen by the parent, and sent on by shells: not for use behind the members' back.
  [[nodiscard]] bool freezes_atomically() const noexcept override { return false; }

  Delivery deliver(int native_signal) override;
  void kill() noexcept override;
  bool remove() noexcept override;
  [[nodiscard]] bool lost() const noexcept override { return lost_; }
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& executor) override;
  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override;
  void leader_seen() noexcept override {}
  void disown() noexcept override;

 private:
  /// Who keeps the tree together, and whom it is below.
  struct Roots {
    std::shared_ptr<Keeper> keeper;
    std::shared_ptr<Leader> leader;
  };
  [[nodiscard]] Roots roots() const {
    const std::lock_guard lock(mutex_);
    return roots_;
  }

  [[nodiscard]] std::vector<Member> living() const;
  [[nodiscard]] std::vector<Member> living_remnants(const Leader& leader) const;

  const std::shared_ptr<std::atomic<bool>> a_tree_was_lost_;
  std::atomic<bool> lost_{false};
  mutable std::mutex mutex_;
  Roots roots_;  ///< none before the launch and behind the end
  /// What was found of the tree once its keeper had been killed, by number. Their pidfds are kept:
  /// when its parent ends nothing else shows that a process is ours.
  mutable std::map<pid_t, std::shared_ptr<const UniqueFd>> remnants_;
  bool killed_ = false;
};

bool has_ended(const UniqueFd& pidfd) noexcept {
  return readable(pidfd.get());
}

/// Sends a signal to these, a part of the living; to how many.
///
/// Many are opened before the first is sent it: when a parent ends, and the keeper is being killed
/// as well, nothing shows any more that its child is ours.
std::size_t send_to_each(pid_t keeper, const std::vector<Member>& members, int native_signal) {
  constexpr std::size_t most_open = 64;  // of the descriptors that the host may have
  std::size_t count = 0;
  std::vector<std::shared_ptr<const UniqueFd>> open;
  const auto send_to_open = [&] {
    for (const auto& pidfd : open) {
      count += send_to_child({.end_notice = pidfd->get()}, native_signal) ? 1 : 0;
    }
    open.clear();
  };
  for (const Member& member : members) {
    if (member.pidfd) {
      open.push_back(member.pidfd);
      continue;
    }
    UniqueFd pidfd = open_below(keeper, member.process);
    if (!pidfd && (errno == EMFILE || errno == ENFILE)) {
      send_to_open();
      pidfd = open_below(keeper, member.process);
    }
    if (pidfd) {
      open.push_back(std::make_shared<const UniqueFd>(std::move(pidfd)));
    }
    if (open.size() >= most_open) {
      send_to_open();
    }
  }
  send_to_open();
  return count;
}

std::vector<Member> ReaperLeaf::living() const {
  const Roots tree = roots();
  if (!tree.keeper) {
    return {};
  }
  if (tree.keeper->lost()) {
    return living_remnants(*tree.leader);
  }
  std::vector<Member> living;
  for (ProcessRecord& process : living_below({tree.keeper->pid()})) {
    living.push_back({std::move(process), nullptr});
  }
  // Its number was its own as long as it had not been reaped.
  return tree.keeper->has_ended() ? std::vector<Member>() : living;
}

/// Of a tree whose keeper was killed: what is below its leader, and what was at earlier looks.
std::vector<Member> ReaperLeaf::living_remnants(const Leader& leader) const {
  const std::lock_guard lock(mutex_);
  std::erase_if(remnants_, [](const auto& remnant) { return has_ended(*remnant.second); });
  UniqueFd first(static_cast<int>(::syscall(SYS_pidfd_open, leader.pid(), 0)));
  if (first && !leader.has_ended()) {  // the number was its own
    remnants_.emplace(leader.pid(), std::make_shared<const UniqueFd>(std::move(first)));
  }
  std::set<pid_t> roots;
  for (const auto& remnant : remnants_) {
    roots.insert(remnant.first);
  }
  std::vector<Member> living;
  for (ProcessRecord& process : living_below(roots)) {
    UniqueFd pidfd = open_below(process.parent, process);
    // Whom it was found below must have had its number until now.
    const auto parent = remnants_.find(process.parent);
    if (parent == remnants_.end() || has_ended(*parent->second)) {
      continue;
    }
    if (pidfd) {
      remnants_.emplace(process.pid, std::make_shared<const UniqueFd>(std::move(pidfd)));
    } else if (errno == EMFILE || errno == ENFILE) {
      living.push_back({std::move(process), nullptr});
    }
  }
  for (const auto& [pid, pidfd] : remnants_) {
    ProcessRecord process = read_process(pid).value_or(ProcessRecord());
    process.pid = pid;  // without a descriptor to read by it lives all the same
    if (!has_ended(*pidfd)) {
      living.push_back({std::move(process), pidfd});
    }
  }
  return living;
}

std::vector<ProcessId> ReaperLeaf::members() const {
  std::vector<ProcessId> pids;
  for (const Member& member : living()) {
    pids.push_back(member.process.pid);
  }
  return pids;
}

bool ReaperLeaf::empty() const {
  const Roots tree = roots();
  return !tree.keeper || tree.keeper->tree_ended() ||
         (tree.keeper->lost() && living().empty() && tree.leader->has_ended());
}

/// Until a look finds nobody who has not been sent it: what is stopped has no more children.
void ReaperLeaf::freeze() {
  const Roots tree = roots();
  if (!tree.keeper) {
    return;
  }
  constexpr int most_looks = 100;  // one that forks and ends in a circle is met by chance
  std::set<pid_t> sent;
  for (int look = 0; look < most_looks; ++look) {
    std::vector<Member> more = living();
    std::erase_if(more,
                  [&](const Member& member) { return !sent.insert(member.process.pid).second; });
    if (send_to_each(tree.keeper->pid(), more, SIGSTOP) == 0) {
      return;
    }
  }
}

bool ReaperLeaf::frozen() const {
  const std::vector<Member> all = living();
  return std::all_of(all.begin(), all.end(), [](const Member& member) {
    return member.process.state == 'T' || member.process.state == 't';
  });
}

Delivery ReaperLeaf::deliver(int native_signal) {
  const Roots tree = roots();
  return {.members = tree.keeper ? send_to_each(tree.keeper->pid(), living(), native_signal) : 0};
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
      freeze();
      (void)send_to_each(tree.keeper->pid(), living(), SIGKILL);
      (void)tree.leader->send(SIGKILL);  // needs no descriptor
    } catch (...) {                      // no memory: to be repeated
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
    remnants_.clear();
    return true;
  } catch (...) {  // no memory: to be tried again
    return false;
  }
}

std::shared_ptr<ChangeWatch> ReaperLeaf::watch(const Executor& executor) {
  const Roots tree = roots();
  UniqueFd pidfd(tree.keeper ? ::fcntl(tree.keeper->end_notice(), F_DUPFD_CLOEXEC, 3) : -1);
  return pidfd ? std::make_shared<EndWatch>(std::move(pidfd), executor) : nullptr;
}

Launched ReaperLeaf::launch(const std::shared_ptr<const SpawnPlan>& plan,
                            const Executor& executor) {
  reap_leftovers();
  Birthplace place;
  place.way = forced_spawn_way().value_or(SpawnWay::direct);
  place.kept = true;
  Spawned spawned = spawn(plan, place);
  const std::shared_ptr<Leader> leader = make_leader(spawned);
  {
    const std::lock_guard lock(mutex_);
    roots_ = {spawned.keeper, leader};
    if (killed_) {
      spawned.keeper->end_tree();
    }
  }
  return hand_over(spawned, leader, executor);
}

void ReaperLeaf::disown() noexcept {
  const std::lock_guard lock(mutex_);
  if (roots_.keeper) {
    roots_.keeper->disown();
  }
}

class ReaperGroup final : public LeafGroup {
 public:
  [[nodiscard]] Mechanism mechanism() const noexcept override { return Mechanism::reaper; }
  [[nodiscard]] Guarantees guarantees() const override { return reaper_report().guarantees; }
  void update_limits(const Limits& /*before*/, const Limits& wanted) override {
    refuse_limits(mechanism(), wanted);
  }
  [[nodiscard]] bool lost() const noexcept override { return *a_tree_was_lost_; }

 private:
  [[nodiscard]] std::shared_ptr<Leaf> fresh_leaf() override {
    return std::make_shared<ReaperLeaf>(a_tree_was_lost_);
  }

  const std::shared_ptr<std::atomic<bool>> a_tree_was_lost_ =
      std::make_shared<std::atomic<bool>>(false);
};

Guarantee availability() {
  if (lists_children()) {
    return {true, "PR_SET_CHILD_SUBREAPER, and /proc lists the children of a process", ""};
  }
  return {false, "/proc/thread-self/children: " + last_error().message(),
          "mount /proc, or run a kernel with CONFIG_PROC_CHILDREN"};
}

}  // namespace

std::shared_ptr<Group> make_reaper_group(const GroupSettings& settings) {
  refuse_limits(Mechanism::reaper, settings.limits);
  if (const Guarantee available = availability(); !available.holds) {
    throw Unsupported("mechanism reaper", available.reason);
  }
  return std::make_shared<ReaperGroup>();
}

MechanismReport reaper_report() {
  MechanismReport report;
  report.available = availability();
  Guarantees& all = report.guarantees;
  all = common_guarantees(Mechanism::reaper);
  report_no_limits(all);
  all.escape_contained = {true, "orphans fall to a keeper, a subreaper, one a start", ""};
  all.fork_bomb_contained = {false,
                             "members are stopped one by one before any is killed: a bomb without "
                             "a limit of processes may "
                             "fork faster",
                             remedy_by_cgroup()};
  all.survives_host_kill = {true, "the keeper ends the tree when the host has gone", ""};
  all.atomic_freeze = {false, "SIGSTOP reaches the members one by one, and their parents see it",
                       remedy_by_cgroup()};
  all.members_complete = {true, "all that is below the keeper", ""};
  all.exit_status_kept = {true, "the keeper waits for the leader", ""};
  all.not_covered = {
      "members that kill the keeper, which is reported",
      "privileged members that start children in another PID namespace",
      "members of other users that this process may not signal, or that /proc hides (hidepid)",
      "processes that others start on request (service manager, cron, container engine)",
      "members in uninterruptible sleep, until they wake",
      "files and shared memory",
  };
  return report;
}

}  // namespace treehold::inline v0::platform
