#include "platform/linux/guardian.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <initializer_list>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include <treehold/error.hpp>

#include "platform/linux/agent_program.hpp"
#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/descriptor_message.hpp"
#include "platform/linux/handover.hpp"
#include "platform/linux/order.hpp"
#include "platform/platform.hpp"
#include "platform/posix/readable.hpp"

namespace treehold::inline v0::platform {

/// What is told of it to each guardian.
struct Guarded::Entry {
  std::uint64_t owner = incarnation();
  int parent = -1;
  int directory = -1;
  std::string name;
  std::map<std::string, UniqueFd> beside;  ///< by path
  bool guarded = false;
};

/// Who leads a process group.
struct Leading {
  pid_t leader = -1;  ///< not born yet
  int pidfd = -1;
};

/// The one of this process. All members expect its mutex to be held.
class Guardian {
 public:
  std::mutex mutex;
  const std::uint64_t owner = incarnation();
  GuardianPolicy policy = GuardianPolicy::on;
  std::vector<std::shared_ptr<Guarded::Entry>> entries;
  std::map<std::uint64_t, Leading> process_groups;  ///< by their serial numbers
  std::uint64_t last_serial = 0;
  std::string problem;  ///< why there is none

  [[nodiscard]] bool alive() const noexcept { return pidfd_ && !readable(pidfd_.get()); }

  [[nodiscard]] std::optional<pid_t> pid() const noexcept {
    return alive() ? std::optional(pid_) : std::nullopt;
  }

  /// Starts one, and shows it all that is to be guarded, unless one lives.
  void keep() {
    if (policy == GuardianPolicy::off || ::getpid() == 1 || alive()) {
      return;
    }
    let_go();
    if (start()) {
      problem.clear();
      for (const auto& entry : entries) {
        watch(*entry);
      }
      for (const auto& [serial, group] : process_groups) {
        if (group.leader > 0) {
          GuardMessage message = about(GuardVerb::lead, serial);
          message.number = group.leader;
          (void)send(message, {group.pidfd});
        }
      }
    }
  }

  void watch(Guarded::Entry& entry) {
    entry.guarded = tell(GuardVerb::watch, entry.name, {entry.parent, entry.directory});
    for (const auto& [path, place] : entry.beside) {
      entry.guarded = entry.guarded && tell(GuardVerb::beside, entry.name, {place.get()});
    }
  }

  void forget(const Guarded::Entry& entry) noexcept {
    (void)send(about(GuardVerb::forget, entry.name), {});
  }

  void leave(std::uint64_t serial) noexcept { (void)send(about(GuardVerb::leave, serial), {}); }

  /// For a child, which would wait without end for one that reads nothing any more: that is none.
  [[nodiscard]] UniqueFd another_way_in() {
    constexpr int lowest = 3;
    if (alive() && !wait_until_writable(control_.get())) {
      dismiss();
      keep();
    }
    return UniqueFd(alive() ? ::fcntl(control_.get(), F_DUPFD_CLOEXEC, lowest) : -1);
  }

  /// Sends a message with descriptors and waits for the answer. False, with `problem`, when the
  /// guardian cannot do it; one that does not answer is none.
  bool tell(GuardVerb verb, const std::string& name, std::initializer_list<int> descriptors) {
    if (!control_) {
      return false;
    }
    GuardReply reply;
    DescriptorMessage answer(reply);
    if (!send(about(verb, name), descriptors)) {
      problem = "the guardian cannot be told: " + last_error().message();
    } else if (!receive(control_.get(), answer, sizeof reply)) {
      problem = "the guardian does not answer";
      dismiss();
    } else if (reply.error != 0) {
      errno = reply.error;
      problem = "the guardian refuses: " + last_error().message();
    } else {
      return true;
    }
    return false;
  }

  /// One that lives ends what is in its keeping, since the end of the socket is our end to it.
  void let_go() noexcept {
    siginfo_t info{};
    // One that has ended may have fallen to us, where we adopt orphans.
    (void)::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG);
    control_.reset();
    pidfd_.reset();
    for (const auto& entry : entries) {
      entry->guarded = false;
    }
  }

  /// Ends it, and nothing with it: one that is only late must not take our end for granted.
  void dismiss() noexcept {
    if (pidfd_) {
      ::syscall(SYS_pidfd_send_signal, pidfd_.get(), SIGKILL, nullptr, 0);
      constexpr int second = 1000;
      (void)readable(pidfd_.get(), second);
    }
    let_go();
  }

 private:
  bool start() {
    // Not an exception: a host whose guardian cannot be started works, and says so.
    const auto failed = [this](const char* what) {
      problem =
          std::string("no guardian could be started: ") + what + ": " + last_error().message();
      return false;
    };
    Handover control = make_handover();
    const UniqueFd host(
        above_standard(UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)))));
    if (!control.helper || !host) {
      return failed(control.helper ? "pidfd_open" : "socketpair");
    }
    GuardOrder order;
    order.control = control.helper.get();
    order.host = host.get();
    const std::string text = hexadecimal(&order, sizeof order);
    try {
      const AgentStart helper = start_agent({"treehold-agent", "guard", text.c_str(), nullptr},
                                            {nullptr}, {order.control, order.host});
      if (helper.error != 0) {
        errno = helper.error;
        return failed("treehold-agent");
      }
      control.helper.reset();
      HandedOver born = receive_birth(control.host);
      const int error = errno;
      end_agent(helper);
      errno = error;
      if (!born.pidfd) {
        return failed("clone");
      }
      pid_ = born.pid;
      pidfd_ = std::move(born.pidfd);
      control_ = std::move(control.host);
    } catch (const Error& error) {
      problem = std::string("no guardian could be started: ") + error.what();
      return false;
    }
    return true;
  }

  static GuardMessage about(GuardVerb verb, const std::string& name) noexcept {
    GuardMessage message;
    message.verb = verb;
    std::memcpy(message.name, name.data(), std::min(name.size(), sizeof message.name - 1));
    return message;
  }

  static GuardMessage about(GuardVerb verb, std::uint64_t serial) noexcept {
    GuardMessage message;
    message.verb = verb;
    message.serial = serial;
    return message;
  }

  bool send(GuardMessage message, std::initializer_list<int> descriptors) noexcept {
    DescriptorMessage envelope(message);
    envelope.pass(descriptors.begin(), descriptors.size());
    ssize_t sent = -1;
    do {
      sent = ::sendmsg(control_.get(), envelope.header(), MSG_NOSIGNAL | MSG_DONTWAIT);
    } while (sent < 0 && errno == EINTR);
    return sent == static_cast<ssize_t>(sizeof message);
  }

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd control_;
};

namespace {

std::atomic<Guardian*> current{nullptr};

/// Another one in a fork, which has no guardian; there the mutex of the old one may be held for
/// ever.
Guardian& guardian() {
  Guardian* known = current.load(std::memory_order_acquire);
  while (known == nullptr || known->owner != incarnation()) {
    auto fresh = std::make_unique<Guardian>();
    if (environment_variable("TREEHOLD_GUARDIAN") == "off") {
      fresh->policy = GuardianPolicy::off;
    }
    if (known != nullptr) {
      fresh->policy = known->policy;
    }
    if (current.compare_exchange_strong(known, fresh.get())) {
      known = fresh.release();  // never destroyed: static groups may end after it
    }
  }
  return *known;
}

/// Lets the guardian go when the library is unloaded, or the process ends in good order.
struct Farewell {
  ~Farewell() {
    Guardian* const known = current.load(std::memory_order_acquire);
    if (known != nullptr && known->owner == incarnation()) {
      const std::lock_guard lock(known->mutex);
      known->let_go();
    }
  }
};

Guarantee unguarded(const std::string& reason) {
  return {false, "a host that is killed leaves its tree running: " + reason, ""};
}

}  // namespace

Guarded::Guarded(const CgroupDir& parent, const CgroupDir& directory, std::string name)
    : entry_(std::make_shared<Entry>()) {
  static const Farewell farewell;
  entry_->parent = parent.fd();
  entry_->directory = directory.fd();
  entry_->name = std::move(name);
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  ours.keep();
  ours.entries.push_back(entry_);
  ours.watch(*entry_);
}

Guarded::~Guarded() {
  if (entry_->owner != incarnation()) {
    return;
  }
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  std::erase(ours.entries, entry_);
  ours.forget(*entry_);
}

void Guarded::beside(const std::string& parent) {
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  if (entry_->beside.count(parent) != 0) {
    return;
  }
  UniqueFd place(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (place) {
    (void)ours.tell(GuardVerb::beside, entry_->name, {place.get()});
    entry_->beside.emplace(parent, std::move(place));
  }
}

void Guarded::keep() noexcept {
  try {
    Guardian& ours = guardian();
    const std::lock_guard lock(ours.mutex);
    ours.keep();
  } catch (...) {  // no memory: tried again at the next start
  }
}

Guarantee Guarded::guarantee() const {
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  if (entry_->guarded) {
    return ours.alive() ? Guarantee{true, "a guardian ends and removes the group", ""}
                        : unguarded("the guardian has ended; another comes with the next start");
  }
  const bool none_wanted = ours.policy == GuardianPolicy::off || ::getpid() == 1;
  return none_wanted ? guardian_guarantee(ours.policy) : unguarded(ours.problem);
}

GuardedProcessGroup::GuardedProcessGroup() : owner_(incarnation()) {
  static const Farewell farewell;
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  ours.keep();
  serial_ = ++ours.last_serial;
  ours.process_groups.emplace(serial_, Leading());
  way_ = ours.another_way_in();
}

GuardedProcessGroup::~GuardedProcessGroup() {
  if (owner_ == incarnation()) {
    Guardian& ours = guardian();
    const std::lock_guard lock(ours.mutex);
    ours.process_groups.erase(serial_);
  }
}

void GuardedProcessGroup::born(pid_t leader, int pidfd) {
  way_.reset();
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  ours.process_groups.at(serial_) = {leader, pidfd};
}

void GuardedProcessGroup::gone() noexcept {
  if (owner_ == incarnation()) {
    Guardian& ours = guardian();
    const std::lock_guard lock(ours.mutex);
    ours.leave(serial_);
  }
}

Guarantee process_group_guarantee() {
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  Guarantee guarantee = guardian_guarantee(ours.policy);
  if (ours.policy == GuardianPolicy::off || ::getpid() == 1) {
    return guarantee;
  }
  if (!ours.alive() && !ours.problem.empty()) {
    return unguarded(ours.problem);
  }
  if (!ours.alive() && !ours.process_groups.empty()) {
    return unguarded("the guardian has ended; another comes with the next start");
  }
  guarantee.reason =
      "a guardian ends each process group and what is below its leader; what has left both it does "
      "not find";
  return guarantee;
}

bool leave_to_guardian(const CgroupDir& parent, const std::string& name) noexcept {
  try {
    Guardian& ours = guardian();
    const std::lock_guard lock(ours.mutex);
    return ours.tell(GuardVerb::end, name, {parent.fd()});
  } catch (...) {  // no memory
    return false;
  }
}

std::optional<pid_t> guardian_pid() {
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  return ours.pid();
}

Guarantee guardian_guarantee(GuardianPolicy policy) {
  if (::getpid() == 1) {
    return {true, "the kernel ends a PID namespace with its first process, which this one is", ""};
  }
  if (policy == GuardianPolicy::off) {
    Guarantee off = unguarded("the guardian is turned off");
    off.remedy = "leave the guardian on";
    return off;
  }
  return {true, "a guardian, started with the first group, ends and removes them all", ""};
}

GuardianPolicy guardian_policy() {
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  return ours.policy;
}

void set_guardian_policy(GuardianPolicy policy) {
  Guardian& ours = guardian();
  const std::lock_guard lock(ours.mutex);
  ours.policy = policy;
  if (policy == GuardianPolicy::off) {
    ours.dismiss();
  }
}

}  // namespace treehold::inline v0::platform
