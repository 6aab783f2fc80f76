#include "platform/posix/own_child.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "platform/platform.hpp"
#include "platform/posix/exit_status.hpp"

namespace treehold::inline v0::platform {
namespace {

/// A child that could not be reaped when its object went.
struct Leftover {
  pid_t pid;
  UniqueFd end_notice;
  std::shared_ptr<const void> shared_memory;
};

struct Leftovers {
  std::mutex mutex;
  std::vector<Leftover> list;
};

Leftovers& leftovers() {
  static auto* const instance = new Leftovers;  // never destroyed: static groups may end after it
  return *instance;
}

/// The numbers of the children that are still ours to reap.
struct Unreaped {
  std::uint64_t owner = incarnation();
  std::mutex mutex;
  std::unordered_multiset<pid_t> numbers;
};

/// Another one in a fork, whose children they are not; there the mutex of the old one may be held
/// for ever.
Unreaped& unreaped() {
  static std::atomic<Unreaped*> current{nullptr};
  Unreaped* known = current.load(std::memory_order_acquire);
  while (known == nullptr || known->owner != incarnation()) {
    auto fresh = std::make_unique<Unreaped>();
    if (current.compare_exchange_strong(known, fresh.get())) {
      known = fresh.release();  // never destroyed: static groups may end after it
    }
  }
  return *known;
}

void forget(Unreaped& children, pid_t pid) {
  const auto found = children.numbers.find(pid);
  if (found != children.numbers.end()) {
    children.numbers.erase(found);
  }
}

}  // namespace

OwnChild::OwnChild(pid_t pid, UniqueFd end_notice, std::shared_ptr<const void> shared_memory)
    : Leader(pid) {
  Unreaped& children = unreaped();
  const std::lock_guard lock(children.mutex);
  children.numbers.insert(pid);
  hold(std::move(end_notice), std::move(shared_memory));
}

OwnChild::~OwnChild() {
  if (end_notice_ && !reap()) {
    Unreaped& children = unreaped();
    const std::lock_guard children_lock(children.mutex);
    forget(children, pid());
    Leftovers& list = leftovers();
    const std::lock_guard lock(list.mutex);
    list.list.push_back({pid(), std::move(end_notice_), std::move(shared_memory_)});
  }
}

Leader::Peek OwnChild::peek(ExitStatus& status) const {
  const std::lock_guard lock(mutex_);
  siginfo_t info;
  std::optional<ResourceUse> use;
  if (!reaped_ && wait_for_exit(handle(), WNOWAIT, info, &use)) {
    if (info.si_pid == 0) {
      return Peek::running;
    }
    status = {outcome_of(info.si_code, info.si_status), use};
    return Peek::ended;
  }
  return peek_at_kernel(status);
}

ExitStatus OwnChild::status_of_zombie() const {
  const std::lock_guard lock(mutex_);
  if (!reaped_) {
    if (const std::optional<Outcome> outcome = outcome_of_zombie(pid())) {
      return {*outcome, std::nullopt};
    }
  }
  return {};
}

bool OwnChild::reap() noexcept {
  const std::lock_guard lock(mutex_);
  if (reaped_) {
    return true;
  }
  // In one with the reaping, which sets the number free for others.
  Unreaped& children = unreaped();
  const std::lock_guard children_lock(children.mutex);
  siginfo_t info;
  if (!wait_for_exit(handle(), 0, info, nullptr) || info.si_pid != 0) {
    reaped_ = true;
    forget(children, pid());
  }
  return reaped_;
}

bool OwnChild::pins_number_now() const noexcept {
  siginfo_t info;
  return !reaped_ && wait_for_exit(handle(), WNOWAIT, info, nullptr);
}

bool OwnChild::pins_number() const noexcept {
  const std::lock_guard lock(mutex_);
  return pins_number_now();
}

bool OwnChild::send(int native_signal) const noexcept {
  if (signals_need_no_number()) {
    return send_to_child(handle(), native_signal);
  }
  const std::lock_guard lock(mutex_);  // nobody reaps it meanwhile
  return pins_number_now() && send_to_child(handle(), native_signal);
}

void OwnChild::disown() noexcept {
  const std::lock_guard lock(mutex_);
  reaped_ = true;
  if (!end_notices_are_inherited()) {
    (void)end_notice_.release();
  }
}

void leave_out_own_children(std::vector<pid_t>& children) {
  Unreaped& own = unreaped();
  const std::lock_guard lock(own.mutex);
  std::erase_if(children, [&own](pid_t child) { return own.numbers.count(child) > 0; });
}

void reap_leftovers() noexcept {
  Leftovers& leftover = leftovers();
  const std::lock_guard lock(leftover.mutex);
  std::erase_if(leftover.list, [](const Leftover& child) {
    siginfo_t info;
    return !wait_for_exit({child.pid, child.end_notice.get()}, 0, info, nullptr) ||
           info.si_pid != 0;
  });
}

}  // namespace treehold::inline v0::platform
