#include "platform/linux/leader.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include "platform/linux/kernel.hpp"
#include "platform/linux/order.hpp"
#include "platform/linux/process_table.hpp"
#include "platform/linux/spawn.hpp"
#include "platform/posix/input_pipe.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// `struct pidfd_info` of linux/pidfd.h in its first size; PIDFD_INFO_EXIT needs Linux 6.15.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup;
  std::uint32_t ids[11];
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t pidfd_info_exit = 1U << 3;
constexpr unsigned long pidfd_get_info = _IOWR(0xFF, 11, PidfdInfo);

Outcome outcome_of_wait_status(int status) {
  if (WIFSIGNALED(status)) {
    return Outcome::signalled(WTERMSIG(status), WCOREDUMP(status));
  }
  return Outcome::exited(WEXITSTATUS(status));
}

Outcome outcome_of(const siginfo_t& info) {
  switch (info.si_code) {
    case CLD_EXITED: return Outcome::exited(info.si_status);
    case CLD_KILLED: return Outcome::signalled(info.si_status, false);
    case CLD_DUMPED: return Outcome::signalled(info.si_status, true);
    default: return Outcome::unknown();
  }
}

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

/// A child that could not be reaped when its leader object went: a tracer holds it.
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

/// The numbers of the leaders that are still ours to reap.
struct UnreapedLeaders {
  std::uint64_t owner = incarnation();
  std::mutex mutex;
  std::unordered_multiset<pid_t> numbers;
};

/// Another one in a fork, whose children they are not; there the mutex of the old one may be held
/// for ever.
UnreapedLeaders& unreaped_leaders() {
  static std::atomic<UnreapedLeaders*> current{nullptr};
  UnreapedLeaders* known = current.load(std::memory_order_acquire);
  while (known == nullptr || known->owner != incarnation()) {
    auto fresh = std::make_unique<UnreapedLeaders>();
    if (current.compare_exchange_strong(known, fresh.get())) {
      known = fresh.release();  // never destroyed: static groups may end after it
    }
  }
  return *known;
}

void forget(UnreapedLeaders& leaders, pid_t pid) {
  const auto found = leaders.numbers.find(pid);
  if (found != leaders.numbers.end()) {
    leaders.numbers.erase(found);
  }
}

}  // namespace

Leader::Leader(Spawned& spawned) : pid_(spawned.pid) {
  UnreapedLeaders& leaders = unreaped_leaders();
  const std::lock_guard lock(leaders.mutex);
  leaders.numbers.insert(pid_);
  pidfd_ = std::move(spawned.pidfd);
  shared_memory_ = std::move(spawned.shared_memory);
}

Leader::~Leader() {
  if (pidfd_ && !reap()) {
    UnreapedLeaders& leaders = unreaped_leaders();
    const std::lock_guard leaders_lock(leaders.mutex);
    forget(leaders, pid_);
    Leftovers& list = leftovers();
    const std::lock_guard lock(list.mutex);
    list.list.push_back({std::move(pidfd_), std::move(shared_memory_)});
  }
}

Leader::Peek Leader::peek(ExitStatus& status) const {
  const std::lock_guard lock(mutex_);
  siginfo_t info;
  rusage usage{};
  if (!reaped_ && wait_for_exit(pidfd_.get(), info, &usage, WNOWAIT) == 0) {
    if (info.si_pid == 0) {
      return Peek::running;
    }
    status = {outcome_of(info), resource_use(usage)};
    return Peek::ended;
  }
  PidfdInfo kernel{};
  kernel.mask = pidfd_info_exit;
  if (::ioctl(pidfd_.get(), pidfd_get_info, &kernel) == 0 && (kernel.mask & pidfd_info_exit) != 0) {
    status = {outcome_of_wait_status(kernel.exit_code), std::nullopt};
    return Peek::ended;
  }
  return Peek::untold;
}

ExitStatus Leader::status_of_zombie() const {
  const std::lock_guard lock(mutex_);
  if (!reaped_) {
    if (const std::optional<int> status = zombie_wait_status(pid_)) {
      return {outcome_of_wait_status(*status), std::nullopt};
    }
  }
  return {};
}

bool Leader::reap() noexcept {
  const std::lock_guard lock(mutex_);
  if (reaped_) {
    return true;
  }
  // In one with the reaping, which sets the number free for others.
  UnreapedLeaders& leaders = unreaped_leaders();
  const std::lock_guard leaders_lock(leaders.mutex);
  siginfo_t info;
  if (wait_for_exit(pidfd_.get(), info, nullptr, 0) != 0 || info.si_pid != 0) {
    reaped_ = true;
    forget(leaders, pid_);
  }
  return reaped_;
}

bool Leader::pins_number() const noexcept {
  const std::lock_guard lock(mutex_);
  siginfo_t info;
  return !reaped_ && wait_for_exit(pidfd_.get(), info, nullptr, WNOWAIT) == 0;
}

bool Leader::has_ended() const noexcept {
  pollfd notice{pidfd_.get(), POLLIN, 0};
  return ::poll(&notice, 1, 0) > 0;
}

bool Leader::send(int native_signal) const noexcept {
  return ::syscall(SYS_pidfd_send_signal, pidfd_.get(), native_signal, nullptr, 0) == 0;
}

void Leader::let_go_of_memory() noexcept {
  const std::lock_guard lock(mutex_);
  shared_memory_.reset();
}

void Leader::disown() noexcept {
  const std::lock_guard lock(mutex_);
  reaped_ = true;
}

void leave_out_leaders(std::vector<pid_t>& children) {
  UnreapedLeaders& leaders = unreaped_leaders();
  const std::lock_guard lock(leaders.mutex);
  std::erase_if(children, [&leaders](pid_t child) { return leaders.numbers.count(child) > 0; });
}

void reap_leftovers() noexcept {
  Leftovers& leftover = leftovers();
  const std::lock_guard lock(leftover.mutex);
  std::erase_if(leftover.list, [](const Leftover& child) {
    siginfo_t info;
    return wait_for_exit(child.pidfd.get(), info, nullptr, 0) != 0 || info.si_pid != 0;
  });
}

namespace {

SpawnStage spawn_stage(AgentStage stage) {
  switch (stage) {
    case AgentStage::container: return SpawnStage::container;
    case AgentStage::session: return SpawnStage::session;
    case AgentStage::standard_input: return SpawnStage::standard_input;
    case AgentStage::standard_output: return SpawnStage::standard_output;
    case AgentStage::standard_error: return SpawnStage::standard_error;
    case AgentStage::resource_limits: return SpawnStage::resource_limits;
    case AgentStage::priority: return SpawnStage::priority;
    case AgentStage::oom_score: return SpawnStage::oom_score;
    case AgentStage::affinity: return SpawnStage::affinity;
    case AgentStage::credentials: return SpawnStage::credentials;
    case AgentStage::working_directory: return SpawnStage::working_directory;
    case AgentStage::execute: return SpawnStage::execute;
  }
  return SpawnStage::launch;
}

/// The descriptors that a watch waits on. The pending operations hold it together with the handler
/// that they will call, so that a context destroyed with operations pending destroys all of it.
class LeaderNotices : public std::enable_shared_from_this<LeaderNotices> {
 public:
  LeaderNotices(std::shared_ptr<Leader> leader, UniqueFd report, const Executor& executor)
      : leader_(std::move(leader)),
        report_(executor, report.release()),
        exit_(executor, leader_->pidfd()),
        retry_(executor) {}

  ~LeaderNotices() { close(); }

  /// No handler is called any more.
  void close() noexcept {
    if (std::exchange(closed_, true)) {
      return;
    }
    exit_.release();  // the leader's own descriptor, only borrowed
    error_code ignored;
    report_.close(ignored);
    retry_.cancel();
  }

  void read_report(Handler<std::optional<SpawnFailure>> handler) {
    const auto rest = asio::buffer(bytes_) + received_;
    report_.async_read_some(rest, [self = shared_from_this(), handler = std::move(handler)](
                                      const error_code& error, std::size_t count) mutable {
      if (self->closed_) {
        return;
      }
      self->received_ += count;
      if (!error && self->received_ < self->bytes_.size()) {
        self->read_report(std::move(handler));
      } else {
        if (error) {  // the end of the pipe: the child has executed its program or is gone
          self->leader_->let_go_of_memory();
          error_code ignored;
          self->report_.close(ignored);  // every child copies the host's table of descriptors
        }
        std::move(handler)(self->failure());
      }
    });
  }

  /// A notice alone proves nothing: Asio's reactor may give a descriptor one that was on its way to
  /// another when that was closed, and a wait, unlike a read, does not look again.
  void wait_for_exit_notice(Handler<ExitStatus> handler) {
    exit_.async_wait(
        asio::posix::stream_descriptor::wait_read,
        [self = shared_from_this(), handler = std::move(handler)](const error_code& error) mutable {
          if (self->closed_) {
            return;
          }
          if (error || self->leader_->has_ended()) {
            self->ask(std::move(handler));
          } else {
            self->wait_for_exit_notice(std::move(handler));
          }
        });
  }

 private:
  [[nodiscard]] std::optional<SpawnFailure> failure() const {
    if (received_ < sizeof(AgentReport)) {
      return std::nullopt;
    }
    AgentReport report;
    std::memcpy(&report, bytes_.data(), sizeof report);
    return SpawnFailure{spawn_stage(report.stage),
                        {report.error, boost::system::system_category()}};
  }

  /// The pidfd is readable: the leader has ended. Its status is there at once, unless a tracer
  /// holds the zombie, or the kernel is just reaping it by itself (SIGCHLD ignored): then it is
  /// asked again for a while.
  void ask(Handler<ExitStatus> handler) {
    ExitStatus status;
    const Leader::Peek answer = leader_->peek(status);
    if (answer == Leader::Peek::ended) {
      std::move(handler)(status);
      return;
    }
    constexpr int quick = 10;
    constexpr int patience = 30;
    if (++asked_ > (answer == Leader::Peek::untold ? quick : patience)) {
      std::move(handler)(answer == Leader::Peek::running ? leader_->status_of_zombie()
                                                         : ExitStatus{});
      return;
    }
    retry_.expires_after(std::chrono::milliseconds(asked_ < quick ? 1 : 10));
    retry_.async_wait(
        [self = shared_from_this(), handler = std::move(handler)](const error_code&) mutable {
          if (!self->closed_) {
            self->ask(std::move(handler));
          }
        });
  }

  std::shared_ptr<Leader> leader_;
  asio::posix::stream_descriptor report_;
  asio::posix::stream_descriptor exit_;
  asio::steady_timer retry_;
  std::array<char, sizeof(AgentReport)> bytes_{};
  std::size_t received_ = 0;
  int asked_ = 0;
  bool closed_ = false;
};

class PidfdWatch final : public LeaderWatch {
 public:
  explicit PidfdWatch(std::shared_ptr<LeaderNotices> notices) noexcept
      : notices_(std::move(notices)) {}
  ~PidfdWatch() override { notices_->close(); }
  PidfdWatch(const PidfdWatch&) = delete;
  PidfdWatch& operator=(const PidfdWatch&) = delete;

  void async_started(Handler<std::optional<SpawnFailure>> handler) override {
    notices_->read_report(std::move(handler));
  }
  void async_exited(Handler<ExitStatus> handler) override {
    notices_->wait_for_exit_notice(std::move(handler));
  }

 private:
  std::shared_ptr<LeaderNotices> notices_;
};

}  // namespace

Launched hand_over(Spawned& spawned, std::shared_ptr<Leader> leader, const Executor& executor) {
  Launched launched;
  launched.pid = spawned.pid;
  launched.leader = std::make_unique<PidfdWatch>(
      std::make_shared<LeaderNotices>(std::move(leader), std::move(spawned.report), executor));
  if (spawned.standard_input) {
    launched.standard_input = open_input_pipe(std::move(spawned.standard_input), executor);
  }
  if (spawned.standard_output) {
    launched.standard_output.emplace(executor, spawned.standard_output.release());
  }
  if (spawned.standard_error) {
    launched.standard_error.emplace(executor, spawned.standard_error.release());
  }
  return launched;
}

Guarantee exit_status_guarantee() {
  struct sigaction action {};
  const bool discarded = ::sigaction(SIGCHLD, nullptr, &action) == 0 &&
                         (action.sa_handler == SIG_IGN || (action.sa_flags & SA_NOCLDWAIT) != 0);
  if (!discarded) {
    return {true, "the kernel keeps it until the leader is reaped", ""};
  }
  if (kernel_is_at_least(6, 15)) {
    return {true, "SIGCHLD is ignored by the host, but PIDFD_GET_INFO tells the status", ""};
  }
  return {false, "SIGCHLD is ignored by the host, and this kernel then discards exit statuses",
          "leave SIGCHLD at its default, or run Linux 6.15 or newer"};
}

}  // namespace treehold::inline v0::platform
