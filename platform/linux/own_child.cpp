#include "platform/linux/own_child.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "platform/linux/exit_status.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {
namespace {

ResourceUse resource_use(const rusage& usage) {
  using std::chrono::microseconds;
  using std::chrono::seconds;
  ResourceUse use;
  use.user = seconds(usage.ru_utime.tv_sec) + microseconds(usage.ru_utime.tv_usec);
  use.system = seconds(usage.ru_stime.tv_sec) + microseconds(usage.ru_stime.tv_usec);
  use.peak_resident_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return use;
}

/// waitid(2) with the rusage that only the system call itself has. Never blocks.
int wait_for_exit(int pidfd, siginfo_t& info, rusage* usage, int flags) {
  std::memset(&info, 0, sizeof info);
  return static_cast<int>(
      ::syscall(SYS_waitid, P_PIDFD, pidfd, &info, WEXITED | WNOHANG | flags, usage));
}

/// A child that could not be reaped when its object went.
struct Leftover {
  UniqueFd pidfd;
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

OwnChild::OwnChild(Cloned child, std::shared_ptr<const void> shared_memory) : Leader(child.pid) {
  Unreaped& children = unreaped();
  const std::lock_guard lock(children.mutex);
  children.numbers.insert(child.pid);
  hold(std::move(child.pidfd), std::move(shared_memory));
}

OwnChild::~OwnChild() {
  if (pidfd_ && !reap()) {
    Unreaped& children = unreaped();
    const std::lock_guard children_lock(children.mutex);
    forget(children, pid());
    Leftovers& list = leftovers();
    const std::lock_guard lock(list.mutex);
    list.list.push_back({std::move(pidfd_), std::move(shared_memory_)});
  }
}

Leader::Peek OwnChild::peek(ExitStatus& status) const {
  const std::lock_guard lock(mutex_);
  siginfo_t info;
  rusage usage{};
  if (!reaped_ && wait_for_exit(pidfd(), info, &usage, WNOWAIT) == 0) {
    if (info.si_pid == 0) {
      return Peek::running;
    }
    status = {outcome_of(info.si_code, info.si_status), resource_use(usage)};
    return Peek::ended;
  }
  return peek_at_kernel(status);
}

ExitStatus OwnChild::status_of_zombie() const {
  const std::lock_guard lock(mutex_);
  if (!reaped_) {
    if (const std::optional<int> status = zombie_wait_status(pid())) {
      return {outcome_of_wait_status(*status), std::nullopt};
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
  if (wait_for_exit(pidfd(), info, nullptr, 0) != 0 || info.si_pid != 0) {
    reaped_ = true;
    forget(children, pid());
  }
  return reaped_;
}

bool OwnChild::pins_number() const noexcept {
  const std::lock_guard lock(mutex_);
  siginfo_t info;
  return !reaped_ && wait_for_exit(pidfd(), info, nullptr, WNOWAIT) == 0;
}

void OwnChild::disown() noexcept {
  const std::lock_guard lock(mutex_);
  reaped_ = true;
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
    return wait_for_exit(child.pidfd.get(), info, nullptr, 0) != 0 || info.si_pid != 0;
  });
}

}  // namespace treehold::inline v0::platform
