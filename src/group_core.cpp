#include "src/group_core.hpp"

#include <algorithm>
#include <mutex>
#include <shared_mutex>

#include <treehold/error.hpp>

#include "src/limits.hpp"
#include "src/log.hpp"
#include "src/private_context.hpp"

namespace treehold::inline v0 {
namespace {

constexpr std::chrono::seconds suspend_bound{2};

std::optional<Mechanism> mechanism_from_environment() {
  const auto name = platform::environment_variable("TREEHOLD_MECHANISM");
  if (!name || name->empty()) {
    return std::nullopt;
  }
  for (const Mechanism mechanism :
       {Mechanism::cgroup_v2, Mechanism::reaper, Mechanism::process_group, Mechanism::job_object}) {
    if (*name == to_string(mechanism)) {
      return mechanism;
    }
  }
  throw InvalidSetting("TREEHOLD_MECHANISM", "names no mechanism: " + *name);
}

/// The wanted mechanism, or the best one that is available here. What is chosen is then made or
/// fails: a passing failure must not turn into a weaker container unnoticed.
Mechanism choose(const GroupOptions& options) {
  if (options.mechanism) {
    return *options.mechanism;
  }
  if (!options.cgroup.empty()) {
    return Mechanism::cgroup_v2;
  }
  if (const auto wanted = mechanism_from_environment()) {
    return *wanted;
  }
  if (const auto best = platform::default_mechanism()) {
    return *best;
  }
  throw Unsupported("containment", "no mechanism is available on this system");
}

const GroupOptions& validated(const GroupOptions& options) {
  if (options.teardown_bound < std::chrono::nanoseconds::zero()) {
    throw InvalidSetting("teardown_bound", "is negative");
  }
  if (!options.cgroup.empty() &&
      options.mechanism.value_or(Mechanism::cgroup_v2) != Mechanism::cgroup_v2) {
    throw InvalidSetting("cgroup", "is for the mechanism cgroup_v2");
  }
  require_valid(options.limits);
  if (!platform::native_number(options.soft_signal)) {
    throw InvalidSetting("soft_signal", "is no signal of this system");
  }
  return options;
}

}  // namespace

GroupCore::GroupCore(const GroupOptions& options)
    : options_(validated(options)),
      owner_(platform::incarnation()),
      container_(platform::make_group(choose(options),
                                      {options.limits, options.accounting, options.cgroup})),
      limits_(options.limits) {}

GroupCore::~GroupCore() {
  if (!is_owner()) {
    for (const auto& leaf : leaves_) {
      leaf->disown();
    }
    for (const auto& leaf : left_) {
      leaf->disown();
    }
    container_->disown();
    return;
  }
  try {
    // Members that outlive this are left to the kernel: there is nobody to tell.
    (void)run_to_completion<StopReport>(
        [this](const auto& executor, auto handler) { async_end(executor, std::move(handler)); });
  } catch (...) {
    end_without_waiting(*container_);
  }
}

std::shared_ptr<GroupCore> GroupCore::of_private_runs() {
  static std::mutex mutex;
  static std::shared_ptr<GroupCore> core;
  const std::lock_guard lock(mutex);
  if (!core || !core->is_owner()) {
    core = std::make_shared<GroupCore>(GroupOptions{});
  }
  return core;
}

bool GroupCore::is_owner() const noexcept {
  return owner_ == platform::incarnation();
}

void GroupCore::require_owner(const char* handle) const {
  if (!is_owner()) {
    throw NotOwner(handle);
  }
}

Limits GroupCore::limits() const {
  const std::lock_guard lock(limits_mutex_);
  return limits_;
}

void GroupCore::update_limits(const Limits& limits) {
  require_valid(limits);
  {
    const std::shared_lock gate(gate_);
    if (closed_) {
      throw GroupClosed();
    }
  }
  const std::lock_guard lock(limits_mutex_);
  container_->update_limits(limits_, limits);
  limits_ = limits;
}

LimitEvidence GroupCore::evidence() const {
  return container_->evidence(limits());
}

StartedLeaf GroupCore::start(const std::shared_ptr<const SpawnPlan>& plan,
                             const platform::Executor& executor) {
  const std::shared_lock gate(gate_);
  if (closed_) {
    throw GroupClosed();
  }
  if (suspended_) {
    throw GroupSuspended();
  }
  sweep_left_leaves();
  StartedLeaf started;
  started.leaf = container_->make_leaf();
  {
    const std::lock_guard lock(leaves_mutex_);
    leaves_.push_back(started.leaf);
  }
  try {
    started.launched = started.leaf->launch(plan, executor);
  } catch (...) {
    started.leaf->kill();
    leave(started.leaf);
    throw;
  }
  log_event(LogLevel::info, "started {} as {} in {}", plan->program, started.launched.pid,
            to_string(container_->mechanism()));
  return started;
}

void GroupCore::leave(const std::shared_ptr<platform::Leaf>& leaf) noexcept {
  const bool removed = leaf->remove();
  const std::lock_guard lock(leaves_mutex_);
  std::erase(leaves_, leaf);
  if (!removed) {
    try {
      left_.push_back(leaf);
    } catch (...) {  // no memory: the end of the group takes it
    }
  }
}

/// Descendants that outlived their leader's run end one day: take their leaves away then. A few at
/// a time, so that a start costs the same however many there are.
void GroupCore::sweep_left_leaves() {
  std::vector<std::shared_ptr<platform::Leaf>> some;
  {
    const std::lock_guard lock(leaves_mutex_);
    constexpr std::size_t at_a_time = 2;
    while (!left_.empty() && some.size() < at_a_time) {
      some.push_back(std::move(left_.back()));
      left_.pop_back();
    }
  }
  for (auto& leaf : some) {
    if (!leaf->remove()) {
      const std::lock_guard lock(leaves_mutex_);
      left_.insert(left_.begin(), std::move(leaf));
    }
  }
}

void GroupCore::async_signal(const platform::Executor& executor, int native_signal,
                             platform::Handler<std::size_t> handler) {
  // Whether the group is to run again is decided when the signal has been delivered: it may have
  // been suspended in between.
  const auto thaw_unless_suspended = [self = shared_from_this()] {
    const std::shared_lock gate(self->gate_);
    if (!self->suspended_ && self->container_->freezes_atomically()) {
      self->container_->thaw();
    }
  };
  treehold::async_signal(executor, container_, native_signal, AfterSignal::keep_frozen,
                         [thaw_unless_suspended,
                          handler = std::move(handler)](const platform::Delivery& sent) mutable {
                           thaw_unless_suspended();
                           std::move(handler)(sent.members);
                         });
}

void GroupCore::async_suspend(const platform::Executor& executor, platform::Handler<bool> handler) {
  {
    const std::unique_lock gate(gate_);
    if (closed_) {
      throw GroupClosed();
    }
    suspended_ = true;
    container_->freeze();
  }
  std::make_shared<TreeWait>(
      executor, container_, [container = container_] { return container->frozen(); },
      Clock::now() + suspend_bound)
      ->start(std::move(handler));
}

void GroupCore::resume() {
  const std::unique_lock gate(gate_);
  suspended_ = false;
  container_->thaw();
}

void GroupCore::async_kill(const platform::Executor& executor,
                           platform::Handler<StopReport> handler) {
  std::vector<std::shared_ptr<platform::Leaf>> leaves;
  {
    const std::unique_lock gate(gate_);
    const std::lock_guard lock(leaves_mutex_);
    leaves = leaves_;
    leaves.insert(leaves.end(), left_.begin(), left_.end());
  }
  // By leaf, not by group: what is started from now on is to live.
  std::make_shared<StopLadder>(executor, container_->tree_of(leaves),
                               StopPlan{std::nullopt, {}, options_.teardown_bound})
      ->start(std::move(handler));
}

void GroupCore::async_stop(const platform::Executor& executor, std::chrono::nanoseconds grace,
                           platform::Handler<StopReport> handler) {
  if (grace < std::chrono::nanoseconds::zero()) {
    throw InvalidSetting("grace", "is negative");
  }
  {
    const std::unique_lock gate(gate_);
    closed_ = true;
    suspended_ = false;  // the ladder thaws what is frozen, behind the soft signal
  }
  std::make_shared<StopLadder>(
      executor, container_,
      StopPlan{platform::native_number(options_.soft_signal), grace, options_.teardown_bound})
      ->start(std::move(handler));
}

void GroupCore::async_end(const platform::Executor& executor,
                          platform::Handler<StopReport> handler) {
  {
    const std::unique_lock gate(gate_);
    closed_ = true;
  }
  std::make_shared<StopLadder>(executor, container_,
                               StopPlan{std::nullopt, {}, options_.teardown_bound})
      ->start(std::move(handler));
}

std::weak_ptr<TreeWait> GroupCore::async_wait_empty(const platform::Executor& executor,
                                                    std::optional<std::chrono::nanoseconds> bound,
                                                    platform::Handler<bool> handler) {
  std::optional<Clock::time_point> deadline;
  if (bound) {
    deadline =
        Clock::now() + std::min<std::chrono::nanoseconds>(*bound, std::chrono::hours(24 * 365));
  }
  const auto wait = std::make_shared<TreeWait>(
      executor, container_, [container = container_] { return container->empty(); }, deadline);
  wait->start(std::move(handler));
  return wait;
}

void require_interval(std::chrono::nanoseconds interval) {
  if (interval <= std::chrono::nanoseconds::zero()) {
    throw InvalidSetting("interval", "is not above zero");
  }
}

std::weak_ptr<TreeWait> GroupCore::async_sample(
    const platform::Executor& executor, std::chrono::nanoseconds interval,
    platform::Handler<std::optional<Statistics>> handler) {
  const bool without_members = container_->empty();
  return async_wait_empty(
      executor, interval,
      [container = container_, without_members, handler = std::move(handler)](bool) mutable {
        std::move(handler)(without_members ? std::nullopt : std::optional(container->statistics()));
      });
}

}  // namespace treehold::inline v0
