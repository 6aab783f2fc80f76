#include "platform/windows/job_notices.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include "platform/weak_list.hpp"
#include "platform/windows/unique_handle.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

class JobWatch final : public ChangeWatch, public std::enable_shared_from_this<JobWatch> {
 public:
  explicit JobWatch(const Executor& executor) : executor_(executor) {}

  void async_changed(Handler<error_code> handler) override {
    const std::lock_guard lock(mutex_);
    if (std::exchange(changed_, false)) {
      complete(std::move(handler), {});
    } else {
      waiting_.emplace(std::move(handler), asio::make_work_guard(executor_));
    }
  }

  void cancel() override {
    const std::lock_guard lock(mutex_);
    tell(asio::error::operation_aborted);
  }

  /// Called by the thread of the port.
  void changed() {
    const std::lock_guard lock(mutex_);
    changed_ = !waiting_;
    tell({});
  }

 private:
  struct Waiting {
    Waiting(Handler<error_code> waiting, asio::executor_work_guard<Executor> guard)
        : handler(std::move(waiting)), work(std::move(guard)) {}
    Handler<error_code> handler;
    asio::executor_work_guard<Executor> work;
  };

  void tell(const error_code& error) {
    if (waiting_) {
      complete(std::move(waiting_->handler), error);
      waiting_.reset();
    }
  }

  void complete(Handler<error_code> handler, const error_code& error) {
    asio::post(executor_,
               [handler = std::move(handler), error]() mutable { std::move(handler)(error); });
  }

  const Executor executor_;
  std::mutex mutex_;
  std::optional<Waiting> waiting_;
  bool changed_ = false;
};

}  // namespace

class JobListeners {
 public:
  void add(const std::shared_ptr<JobWatch>& watch) { watches_.add(watch); }

  void tell() const {
    for (const auto& watch : watches_.living()) {
      watch->changed();
    }
  }

 private:
  WeakList<JobWatch> watches_;
};

/// The completion port of all jobs that are waited for, and the thread that reads it.
class JobPort {
 public:
  /// The one there is, or a fresh one; null when the system has none to give.
  static std::shared_ptr<JobPort> shared() {
    static std::mutex mutex;
    static std::weak_ptr<JobPort> current;
    const std::lock_guard lock(mutex);
    std::shared_ptr<JobPort> port = current.lock();
    if (!port) {
      UniqueHandle handle(::CreateIoCompletionPort(INVALID_HANDLE_VALUE, nullptr, 0, 1));
      if (!handle) {
        return nullptr;
      }
      port = std::make_shared<JobPort>(std::move(handle));
      current = port;
    }
    return port;
  }

  explicit JobPort(UniqueHandle port)
      : port_(std::move(port)), thread_(quiet_thread([this] { read(); })) {}
  JobPort(const JobPort&) = delete;
  JobPort& operator=(const JobPort&) = delete;
  ~JobPort() {
    (void)::PostQueuedCompletionStatus(port_.get(), 0, quit, nullptr);
    thread_.join();
  }

  /// False when the job cannot tell.
  bool connect(HANDLE job, const std::shared_ptr<JobListeners>& listeners) {
    ULONG_PTR key = 0;
    {
      const std::lock_guard lock(mutex_);
      std::erase_if(jobs_, [](const auto& one) { return one.second.expired(); });
      key = ++last_key_;
      jobs_[key] = listeners;
    }
    JOBOBJECT_ASSOCIATE_COMPLETION_PORT association{reinterpret_cast<void*>(key), port_.get()};
    return ::SetInformationJobObject(job, JobObjectAssociateCompletionPortInformation, &association,
                                     sizeof association) != 0;
  }

 private:
  static constexpr ULONG_PTR quit = 0;

  void read() {
    for (;;) {
      DWORD message = 0;
      ULONG_PTR key = quit;
      OVERLAPPED* subject = nullptr;
      if (::GetQueuedCompletionStatus(port_.get(), &message, &key, &subject, INFINITE) == 0 ||
          key == quit) {
        return;
      }
      const bool ended = message == JOB_OBJECT_MSG_ACTIVE_PROCESS_ZERO ||
                         message == JOB_OBJECT_MSG_EXIT_PROCESS ||
                         message == JOB_OBJECT_MSG_ABNORMAL_EXIT_PROCESS;
      if (const auto listeners = ended ? find(key) : nullptr) {
        listeners->tell();
      }
    }
  }

  std::shared_ptr<JobListeners> find(ULONG_PTR key) {
    const std::lock_guard lock(mutex_);
    const auto found = jobs_.find(key);
    return found != jobs_.end() ? found->second.lock() : nullptr;
  }

  std::mutex mutex_;
  std::map<ULONG_PTR, std::weak_ptr<JobListeners>> jobs_;
  ULONG_PTR last_key_ = quit;
  const UniqueHandle port_;
  std::thread thread_;  // last: it uses the others
};

std::shared_ptr<ChangeWatch> JobNotices::watch(HANDLE job, const Executor& executor) {
  const std::lock_guard lock(mutex_);
  if (!listeners_) {
    std::shared_ptr<JobPort> port = JobPort::shared();
    auto listeners = std::make_shared<JobListeners>();
    if (!port || !port->connect(job, listeners)) {
      return nullptr;
    }
    port_ = std::move(port);
    listeners_ = std::move(listeners);
  }
  auto watch = std::make_shared<JobWatch>(executor);
  listeners_->add(watch);
  return watch;
}

}  // namespace treehold::inline v0::platform
