#include "platform/linux/cgroup_group.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/posix/stream_descriptor.hpp>

#include "platform/leaf_set.hpp"
#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/control_files.hpp"
#include "platform/linux/controllers.hpp"
#include "platform/linux/group_control.hpp"
#include "platform/linux/hybrid_controllers.hpp"
#include "platform/linux/pidfd_info.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/linux/spawn.hpp"
#include "platform/posix/leader.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/weak_list.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;

/// Notices of cgroup.events. The kernel limits their rate to about one in 10 ms.
class EventsWatch final : public ChangeWatch, public std::enable_shared_from_this<EventsWatch> {
 public:
  EventsWatch(UniqueFd events, const Executor& executor) : events_(executor, events.release()) {
    rearm();
  }

  void async_changed(Handler<boost::system::error_code> handler) override {
    events_.async_wait(asio::posix::stream_descriptor::wait_error,
                       [self = shared_from_this(), handler = std::move(handler)](
                           const boost::system::error_code& error) mutable {
                         self->rearm();
                         std::move(handler)(error);
                       });
  }

  void cancel() override { events_.cancel(); }

 private:
  /// kernfs tells of a change once a read: the state is asked after this.
  void rearm() {
    char buffer[128];
    (void)::pread(events_.native_handle(), buffer, sizeof buffer, 0);
  }

  asio::posix::stream_descriptor events_;
};

bool is_populated(const CgroupDir& directory) noexcept {
  const auto events = directory.events();
  return events && events->populated;
}

/// A group that is gone runs nothing.
bool is_frozen(const CgroupDir& directory) noexcept {
  const auto events = directory.events();
  return !events || events->frozen;
}

std::shared_ptr<ChangeWatch> watch_events(const CgroupDir& directory, const Executor& executor) {
  UniqueFd events = directory.open_file("cgroup.events", O_RDONLY);
  return events ? std::make_shared<EventsWatch>(std::move(events), executor) : nullptr;
}

/// Whether orphans may have fallen to this process: asked before `reap_orphans`, which reads much.
bool may_have_orphans() noexcept {
  siginfo_t any{};
  const bool zombie_exists =
      ::waitid(P_ALL, 0, &any, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && any.si_pid != 0;
  return zombie_exists || adopts_orphans();
}

/// Reaps the zombies of the emptied group at `path` that fell to this process: orphans, when it is
/// PID 1 or a subreaper, and children of members that used CLONE_PARENT. They are reaped by number,
/// which nobody else can have while they are children of ours. False when one is still about to
/// become a zombie.
bool reap_orphans(const std::string& path) {
  for (;;) {
    bool reaped = false;
    std::vector<pid_t> children = own_children();
    leave_out_own_children(children);  // else of a thousand runs each would look at all the others
    for (const pid_t child : children) {
      siginfo_t info{};
      if (!is_in_cgroup(child, path)) {
        continue;
      }
      if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | __WALL) == 0 &&
          info.si_pid == 0) {
        return false;
      }
      reaped = true;
    }
    if (!reaped) {
      return true;
    }
    // What was reaped may have left orphans of its own to us meanwhile: look again.
  }
}

/// A leaf's directory. One that emptied by itself is as good as new and cheaper: the kernel
/// allocates much on the first clone into a group.
struct LeafDirectory {
  CgroupDir directory;
  std::string name;
};

class CgroupGroup;

class CgroupLeaf final : public Leaf {
 public:
  CgroupLeaf(std::shared_ptr<CgroupGroup> group, LeafDirectory place) noexcept
      : group_(std::move(group)), place_(std::move(place)) {}
  ~CgroupLeaf() override;
  CgroupLeaf(const CgroupLeaf&) = delete;
  CgroupLeaf& operator=(const CgroupLeaf&) = delete;

  [[nodiscard]] std::vector<ProcessId> members() const override;
  [[nodiscard]] bool empty() const override;
  void freeze() override { place_.directory.write("cgroup.freeze", "1"); }
  void thaw() override { place_.directory.write("cgroup.freeze", "0"); }
  [[nodiscard]] bool frozen() const override { return is_frozen(place_.directory); }
  [[nodiscard]] bool freezes_atomically() const noexcept override { return true; }
  Delivery deliver(int native_signal) override;
  void kill() noexcept override;
  bool remove() noexcept override;
  [[nodiscard]] bool lost() const noexcept override {
    const std::lock_guard lock(mutex_);
    return lost_;
  }
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& executor) override {
    return watch_events(place_.directory, executor);
  }
  Launched launch(const std::shared_ptr<const SpawnPlan>& plan, const Executor& executor) override;
  void leader_seen() noexcept override;
  void disown() noexcept override;

  /// A leader that is still on its way into the leaf, or has moved itself out of it, is not found
  /// in the group's directory.
  [[nodiscard]] bool leader_lives() const noexcept {
    const std::lock_guard lock(mutex_);
    return leader_ && !leader_->has_ended();
  }
  void kill_leader() noexcept;

  /// Finds out whether a leader that has ended had moved itself out of the leaf.
  void look_where_leader_was() noexcept;

 private:
  [[nodiscard]] bool pristine(const CgroupDir::Events& events) const;
  [[nodiscard]] bool leader_got_away() const;
  void kill_leader_locked() noexcept;
  void look_where_leader_was_locked() noexcept;
  [[nodiscard]] std::string kernel_path() const;

  const std::shared_ptr<CgroupGroup> group_;
  mutable std::mutex mutex_;  // guards what follows
  LeafDirectory place_;
  std::shared_ptr<Leader> leader_;
  std::optional<std::uint64_t> birth_;  ///< of a leader that did not have to join
  bool killed_ = false;
  bool looked_ = false;  ///< where the leader was at its end
  bool lost_ = false;
  bool removed_ = false;
  bool disowned_ = false;
};

/// Where in an umbrella a group is made.
struct Shelf {
  const CgroupDir* directory = nullptr;
  std::string name;
};

class CgroupGroup final : public Group, public std::enable_shared_from_this<CgroupGroup> {
 public:
  CgroupGroup(std::shared_ptr<Umbrella> umbrella, Shelf shelf)
      : umbrella_(std::move(umbrella)),
        shelf_(std::move(shelf)),
        name_(umbrella_->next_group_name()),
        directory_(shelf_.directory->make_child(name_)) {
    if (!directory_) {
      require_room_in_hierarchy(umbrella_->path() + "/" + shelf_.name);
      throw Unsupported("mechanism cgroup_v2", path() + ": " + last_error().message());
    }
  }
  ~CgroupGroup() override {
    if (!disowned_ && !remove()) {
      (void)leave_to_guardian(*shelf_.directory, name_);
    }
  }
  CgroupGroup(const CgroupGroup&) = delete;
  CgroupGroup& operator=(const CgroupGroup&) = delete;

  [[nodiscard]] Mechanism mechanism() const noexcept override { return Mechanism::cgroup_v2; }
  [[nodiscard]] Guarantees guarantees() const override {
    Guarantees all = cgroup_report().guarantees;
    all.survives_host_kill = umbrella_->guarded().guarantee();
    return all;
  }

  /// Gives the group what limits and counts it, before its first leaf is made. Throws
  /// `LimitRefused`.
  void control(std::unique_ptr<Controllers> controllers, const Limits& limits) {
    controllers_ = std::move(controllers);
    controllers_->replace({}, limits);
  }

  void update_limits(const Limits& before, const Limits& wanted) override;
  [[nodiscard]] Statistics statistics() const override;
  [[nodiscard]] LimitEvidence evidence(const Limits& limits) const override {
    return controllers_ ? controllers_->evidence(limits) : LimitEvidence();
  }
  [[nodiscard]] MemoryKills memory_kills() const override {
    return controllers_ ? controllers_->memory_kills() : MemoryKills();
  }

  [[nodiscard]] std::shared_ptr<Tree> tree_of(
      const std::vector<std::shared_ptr<Leaf>>& leaves) override {
    return std::make_shared<LeafSet>(leaves, shared_from_this());
  }

  [[nodiscard]] std::shared_ptr<Leaf> make_leaf() override {
    LeafDirectory place = take_used();
    if (!place.directory) {
      place.name = "l" + std::to_string(++leaves_);
      place.directory = directory_.make_child(place.name);
    }
    if (!place.directory) {
      require_room_in_hierarchy(path());
      throw SpawnFailed(SpawnStage::container, last_error(), kernel_path() + "/" + place.name);
    }
    auto leaf = std::make_shared<CgroupLeaf>(shared_from_this(), std::move(place));
    in_use_.add(leaf);
    return leaf;
  }

  [[nodiscard]] std::vector<ProcessId> members() const override { return directory_.processes(); }
  [[nodiscard]] bool empty() const override {
    return !is_populated(directory_) && !any_leader_lives();
  }
  void freeze() override { directory_.write("cgroup.freeze", "1"); }
  void thaw() override { directory_.write("cgroup.freeze", "0"); }
  [[nodiscard]] bool frozen() const override { return is_frozen(directory_); }
  [[nodiscard]] bool freezes_atomically() const noexcept override { return true; }
  Delivery deliver(int native_signal) override {
    return {.members = directory_.signal_processes(native_signal)};
  }
  void kill() noexcept override;
  bool remove() noexcept override {
    {
      const std::lock_guard lock(mutex_);
      used_.clear();
    }
    if (!empty()) {
      return false;
    }
    try {
      for (const auto& leaf : in_use_.living()) {
        leaf->look_where_leader_was();
      }
      if (may_have_orphans() && !reap_orphans(kernel_path())) {
        return false;
      }
    } catch (...) {  // no memory: to be tried again
      return false;
    }
    return shelf_.directory->remove_child(name_) && (!controllers_ || controllers_->remove());
  }
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& executor) override {
    return watch_events(directory_, executor);
  }

  /// The number of a leader that has been born inside the group just now.
  [[nodiscard]] std::uint64_t count_birth() noexcept { return ++births_; }

  /// `reap_orphans` of an emptied leaf. Where many end together the first look after the last death
  /// answers for all whose leaders had been born before it: a look reads all children of the host.
  bool reap_orphans_of(const std::string& leaf, std::optional<std::uint64_t> birth) {
    if ((birth && *birth <= reaped_births_) || !may_have_orphans()) {
      return true;
    }
    const std::uint64_t births = births_;
    const auto events = directory_.events();
    if (!events || events->populated) {
      return reap_orphans(leaf);
    }
    if (!reap_orphans(kernel_path())) {
      return false;
    }
    reaped_births_ = births;
    return true;
  }

  [[nodiscard]] bool lost() const noexcept override { return lost_; }
  void member_got_away() noexcept { lost_ = true; }
  void disown() noexcept override { disowned_ = true; }

  [[nodiscard]] std::string kernel_path() const {
    return umbrella_->kernel_path() + "/" + shelf_.name + "/" + name_;
  }
  [[nodiscard]] std::string path() const {
    return umbrella_->path() + "/" + shelf_.name + "/" + name_;
  }
  [[nodiscard]] const Controllers* controllers() const noexcept { return controllers_.get(); }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  void keep_guarded() const noexcept { umbrella_->guarded().keep(); }
  [[nodiscard]] const CgroupDir& directory() const noexcept { return directory_; }
  /// How children get into leaves here.
  [[nodiscard]] SpawnWay spawn_way() const noexcept {
    return controllers_ && controllers_->has_entrances() ? SpawnWay::join : umbrella_->spawn_way();
  }

  /// Keeps a leaf's directory for a later start. False when enough are kept.
  bool keep_used(LeafDirectory& place) {
    constexpr std::size_t enough = 8;
    const std::lock_guard lock(mutex_);
    if (used_.size() >= enough) {
      return false;
    }
    place.directory.keep_files_open();
    used_.push_back(std::move(place));
    return true;
  }

 private:
  [[nodiscard]] bool any_leader_lives() const;

  LeafDirectory take_used() noexcept {
    const std::lock_guard lock(mutex_);
    if (used_.empty()) {
      return {};
    }
    LeafDirectory place = std::move(used_.back());
    used_.pop_back();
    return place;
  }

  const std::shared_ptr<Umbrella> umbrella_;
  const Shelf shelf_;
  const std::string name_;
  const CgroupDir directory_;
  std::unique_ptr<Controllers> controllers_;  ///< set once, before the group is used
  std::atomic<std::uint64_t> leaves_{0};
  std::atomic<std::uint64_t> births_{0};
  std::atomic<std::uint64_t> reaped_births_{0};  ///< nothing of those up to here is left to reap
  std::atomic<bool> disowned_{false};
  std::atomic<bool> lost_{false};
  mutable std::mutex mutex_;
  std::vector<LeafDirectory> used_;
  WeakList<CgroupLeaf> in_use_;
};

void CgroupGroup::update_limits(const Limits& before, const Limits& wanted) {
  if (!controllers_) {
    if (wanted.empty()) {
      return;
    }
    LimitRefusal refusal;
    refusal.limit = limit_needing(wanted, *needed_by(wanted).begin());
    refusal.problem = LimitProblem::unenforceable;
    refusal.path = path();
    refusal.reason = "the group was made without limits";
    refusal.remedy = "make it with a limit or with accounting";
    throw LimitRefused(std::move(refusal));
  }
  if (shelf_.name == limited_shelf) {
    (void)umbrella_->limited(needed_by(wanted), wanted);
  }
  controllers_->replace(before, wanted);
}

Statistics CgroupGroup::statistics() const {
  Statistics statistics;
  statistics.processes = directory_.processes().size();
  const std::optional<std::string> cpu = directory_.read("cpu.stat");
  const auto time = [&cpu](const char* key) -> std::optional<std::chrono::microseconds> {
    const auto number = cpu ? number_after(*cpu, key) : std::nullopt;
    return number ? std::optional(std::chrono::microseconds(*number)) : std::nullopt;
  };
  statistics.cpu_user = time("user_usec");
  statistics.cpu_system = time("system_usec");
  statistics.cpu_pressure = pressure_in(directory_, "cpu.pressure");
  statistics.memory_pressure = pressure_in(directory_, "memory.pressure");
  statistics.io_pressure = pressure_in(directory_, "io.pressure");
  if (controllers_) {
    controllers_->count(statistics);
  }
  return statistics;
}

void CgroupGroup::kill() noexcept {
  directory_.write("cgroup.kill", "1");
  try {
    for (const auto& leaf : in_use_.living()) {
      leaf->kill_leader();
    }
  } catch (...) {  // no memory: to be repeated
  }
}

bool CgroupGroup::any_leader_lives() const {
  const auto leaves = in_use_.living();
  return std::any_of(leaves.begin(), leaves.end(),
                     [](const auto& leaf) { return leaf->leader_lives(); });
}

CgroupLeaf::~CgroupLeaf() {
  if (!disowned_) {
    remove();
  }
}

std::string CgroupLeaf::kernel_path() const {
  return group_->kernel_path() + "/" + place_.name;
}

std::vector<ProcessId> CgroupLeaf::members() const {
  const std::lock_guard lock(mutex_);
  return removed_ ? std::vector<ProcessId>() : place_.directory.processes();
}

bool CgroupLeaf::empty() const {
  const std::lock_guard lock(mutex_);
  return removed_ || (!is_populated(place_.directory) && (!leader_ || leader_->has_ended()));
}

Delivery CgroupLeaf::deliver(int native_signal) {
  const std::lock_guard lock(mutex_);
  return {.members = removed_ ? 0 : place_.directory.signal_processes(native_signal)};
}

void CgroupLeaf::kill() noexcept {
  const std::lock_guard lock(mutex_);
  if (!removed_) {
    place_.directory.write("cgroup.kill", "1");
    kill_leader_locked();
  }
}

void CgroupLeaf::kill_leader() noexcept {
  const std::lock_guard lock(mutex_);
  kill_leader_locked();
}

void CgroupLeaf::kill_leader_locked() noexcept {
  killed_ = true;
  if (leader_) {
    (void)leader_->send(SIGKILL);
  }
}

bool CgroupLeaf::remove() noexcept {
  const std::lock_guard lock(mutex_);
  if (removed_) {
    return true;
  }
  try {
    const auto events = place_.directory.events();
    if (events && events->populated) {
      return false;
    }
    // The leader may be a helper that is still on its way into the leaf.
    if ((leader_ && !leader_->has_ended()) || !group_->reap_orphans_of(kernel_path(), birth_)) {
      return false;
    }
    look_where_leader_was_locked();
    removed_ = (!killed_ && events && pristine(*events) && group_->keep_used(place_)) ||
               group_->directory().remove_child(place_.name);
    if (removed_) {
      leader_.reset();
    }
  } catch (...) {  // no memory: to be tried again, as promised
  }
  return removed_;
}

/// Whether the directory is as it was made, so that the next start finds nothing of this one's.
bool CgroupLeaf::pristine(const CgroupDir::Events& events) const {
  struct stat status {};
  if (::fstat(place_.directory.fd(), &status) != 0) {
    return false;
  }
  constexpr nlink_t without_children = 2;
  constexpr mode_t as_made = 0755;
  return status.st_nlink == without_children && (status.st_mode & 07777) == as_made &&
         status.st_uid == ::geteuid() && !events.frozen && place_.directory.is_domain();
}

Launched CgroupLeaf::launch(const std::shared_ptr<const SpawnPlan>& plan,
                            const Executor& executor) {
  reap_leftovers();
  group_->keep_guarded();
  Birthplace place;
  place.way = group_->spawn_way();
  place.leaf = &place_.directory;
  place.controllers = group_->controllers();
  Spawned spawned = spawn(plan, place);
  std::shared_ptr<Leader> leader = make_leader(spawned);
  {
    const std::lock_guard lock(mutex_);
    leader_ = leader;
    if (place.way != SpawnWay::join) {
      birth_ = group_->count_birth();
    }
    if (killed_) {
      (void)leader_->send(SIGKILL);
    }
  }
  return hand_over(spawned, std::move(leader), executor);
}

/// Whether the leader, a zombie now, has moved itself into another group, as a program of the same
/// user can where the group above both is that user's.
bool CgroupLeaf::leader_got_away() const {
  struct stat status {};
  const std::optional<std::uint64_t> last = cgroup_of(leader_->end_notice());
  if (last && ::fstat(place_.directory.fd(), &status) == 0 && *last == status.st_ino) {
    return false;
  }
  // What was read is the leader's if it has not been reaped even then.
  return !is_in_cgroup(leader_->pid(), kernel_path()) && leader_->pins_number();
}

void CgroupLeaf::look_where_leader_was() noexcept {
  const std::lock_guard lock(mutex_);
  look_where_leader_was_locked();
}

void CgroupLeaf::look_where_leader_was_locked() noexcept {
  try {
    if (birth_ && !looked_ && leader_ && leader_->has_ended()) {
      looked_ = true;
      lost_ = leader_got_away();
      if (lost_) {
        group_->member_got_away();
      }
    }
  } catch (...) {  // no memory to ask
  }
}

void CgroupLeaf::leader_seen() noexcept {
  const std::lock_guard lock(mutex_);
  if (leader_) {
    look_where_leader_was_locked();
    (void)leader_->reap();
  }
}

void CgroupLeaf::disown() noexcept {
  const std::lock_guard lock(mutex_);
  disowned_ = true;
  if (leader_) {
    leader_->disown();
  }
}

}  // namespace

std::shared_ptr<Group> make_cgroup_group(const GroupSettings& settings) {
  const GroupControl control = find_group_control(settings);
  const std::shared_ptr<Umbrella> umbrella = Umbrella::at(control.place);
  if (control.by == GroupControl::By::unified) {
    const CgroupDir& limited = umbrella->limited(control.controllers, settings.limits);
    auto group = std::make_shared<CgroupGroup>(umbrella, Shelf{&limited, limited_shelf});
    group->control(unified_controllers(group->directory(), group->path()), settings.limits);
    return group;
  }
  auto group = std::make_shared<CgroupGroup>(umbrella, Shelf{&umbrella->plain(), plain_shelf});
  if (control.by == GroupControl::By::version_1) {
    for (const Controller controller : control.controllers) {
      umbrella->guarded().beside(hybrid_place(controller));
    }
    group->control(
        hybrid_controllers(control.controllers, settings.limits, umbrella->name(), group->name()),
        settings.limits);
  }
  return group;
}

}  // namespace treehold::inline v0::platform
