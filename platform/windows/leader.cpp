#include "platform/windows/leader.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <boost/asio/windows/object_handle.hpp>

#include "platform/windows/signals.hpp"
#include "platform/windows/system_time.hpp"

// After windows.h.
#include <psapi.h>

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

std::optional<ResourceUse> resource_use(HANDLE process) noexcept {
  FILETIME created;
  FILETIME ended;
  FILETIME system;
  FILETIME user;
  PROCESS_MEMORY_COUNTERS memory{};
  if (::GetProcessTimes(process, &created, &ended, &system, &user) == 0 ||
      ::K32GetProcessMemoryInfo(process, &memory, sizeof memory) == 0 ||
      memory.PeakWorkingSetSize == 0) {  // what has ended is forgotten (Wine)
    return std::nullopt;
  }
  ResourceUse use;
  use.user = duration_of(user);
  use.system = duration_of(system);
  use.peak_resident_bytes = memory.PeakWorkingSetSize;
  return use;
}

/// The pending operation holds it together with the handler that it will call.
class Notices : public std::enable_shared_from_this<Notices> {
 public:
  Notices(UniqueHandle process, std::vector<std::shared_ptr<const Job>> jobs,
          const Executor& executor)
      : process_(executor, process.release()), jobs_(std::move(jobs)) {}

  void wait(Handler<ExitStatus> handler) {
    process_.async_wait(
        [self = shared_from_this(), handler = std::move(handler)](const error_code& error) mutable {
          if (!self->closed_) {
            std::move(handler)(error ? ExitStatus{} : self->status());
          }
        });
  }

  /// No handler is called any more.
  void close() noexcept {
    closed_ = true;
    error_code ignored;
    process_.close(ignored);
  }

 private:
  [[nodiscard]] ExitStatus status() {
    const HANDLE process = process_.native_handle();
    DWORD code = 0;
    if (::GetExitCodeProcess(process, &code) == 0) {
      return {};
    }
    const bool killed =
        code == killed_exit_code &&
        std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return job->terminated(); });
    return {
        killed ? Outcome::signalled(native_kill, false) : Outcome::exited(static_cast<int>(code)),
        resource_use(process)};
  }

  asio::windows::object_handle process_;
  const std::vector<std::shared_ptr<const Job>> jobs_;
  bool closed_ = false;
};

class ProcessWatch final : public LeaderWatch {
 public:
  ProcessWatch(UniqueHandle process, std::vector<std::shared_ptr<const Job>> jobs,
               const Executor& executor)
      : executor_(executor),
        notices_(std::make_shared<Notices>(std::move(process), std::move(jobs), executor)) {}
  ~ProcessWatch() override { notices_->close(); }
  ProcessWatch(const ProcessWatch&) = delete;
  ProcessWatch& operator=(const ProcessWatch&) = delete;

  /// CreateProcess has loaded the program before it returned.
  void async_started(Handler<std::optional<SpawnFailure>> handler) override {
    asio::post(executor_,
               [alive = std::weak_ptr(notices_), handler = std::move(handler)]() mutable {
                 if (!alive.expired()) {
                   std::move(handler)(std::nullopt);
                 }
               });
  }
  void async_exited(Handler<ExitStatus> handler) override { notices_->wait(std::move(handler)); }

 private:
  const Executor executor_;
  std::shared_ptr<Notices> notices_;
};

class FailureWatch final : public LeaderWatch {
 public:
  FailureWatch(const SpawnFailure& failure, const Executor& executor)
      : failure_(failure), executor_(executor) {}

  void async_started(Handler<std::optional<SpawnFailure>> handler) override {
    asio::post(executor_, [alive = std::weak_ptr(life_), failure = failure_,
                           handler = std::move(handler)]() mutable {
      if (!alive.expired()) {
        std::move(handler)(failure);
      }
    });
  }
  void async_exited(Handler<ExitStatus> handler) override {
    asio::post(executor_, [alive = std::weak_ptr(life_), handler = std::move(handler)]() mutable {
      if (!alive.expired()) {
        std::move(handler)(ExitStatus{});
      }
    });
  }

 private:
  const SpawnFailure failure_;
  const Executor executor_;
  const std::shared_ptr<int> life_ = std::make_shared<int>();
};

}  // namespace

std::unique_ptr<LeaderWatch> watch_leader(UniqueHandle process,
                                          std::vector<std::shared_ptr<const Job>> jobs,
                                          const Executor& executor) {
  return std::make_unique<ProcessWatch>(std::move(process), std::move(jobs), executor);
}

std::unique_ptr<LeaderWatch> watch_failure(const SpawnFailure& failure, const Executor& executor) {
  return std::make_unique<FailureWatch>(failure, executor);
}

}  // namespace treehold::inline v0::platform
