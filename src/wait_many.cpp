// Processes of the synchronous form live on a context each. To wait for several, each context is
// run by a thread of its own; the calling thread is one of them.
#include "src/wait_many.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/post.hpp>

#include <treehold/error.hpp>
#include <treehold/many.hpp>

#include "src/private_context.hpp"
#include "src/process_core.hpp"

namespace treehold::inline v0 {

std::vector<std::shared_ptr<ProcessCore>> cores_of(const std::vector<Process*>& processes) {
  std::vector<std::shared_ptr<ProcessCore>> cores;
  for (const Process* process : processes) {
    if (process == nullptr) {
      throw InvalidSetting("processes", "has a null among them");
    }
    cores.push_back(process->shared_core());
  }
  return cores;
}

void require_any(std::size_t count) {
  if (count == 0) {
    throw InvalidSetting("processes", "is empty: there is none to wait for");
  }
}

namespace {

using Cores = std::vector<std::shared_ptr<ProcessCore>>;

bool is_over(const std::shared_ptr<ProcessCore>& core) {
  return core->execution().finished();
}

/// Runs the contexts of processes side by side.
class Drivers {
 public:
  Drivers(Cores cores, Until until) : cores_(std::move(cores)), until_(until) {}
  Drivers(const Drivers&) = delete;
  Drivers& operator=(const Drivers&) = delete;
  ~Drivers() {
    if (!threads_.empty()) {  // not all could be started
      stop();
      join();
    }
  }

  /// Returns when it is enough; throws what went wrong in a thread. What goes wrong with a run is
  /// kept by the run.
  void run() {
    if (cores_.empty()) {
      return;
    }
    errors_.resize(cores_.size());
    threads_.reserve(cores_.size());
    for (std::size_t i = 1; i < cores_.size(); ++i) {
      threads_.push_back(platform::quiet_thread([this, i] { run_one(i); }));
    }
    run_one(0);
    join();
    for (const std::exception_ptr& error : errors_) {
      if (error) {
        std::rethrow_exception(error);
      }
    }
  }

 private:
  void run_one(std::size_t i) noexcept {
    try {
      wait(*cores_[i]);
    } catch (...) {  // no memory or descriptors
      errors_[i] = std::current_exception();
      stop();
    }
  }

  /// Its streams are read as long as somebody waits; what was read stays with the run.
  void wait(ProcessCore& core) {
    const auto told = std::make_shared<bool>(false);  // by a handler that may outlive this
    const GiveUp give_up =
        core.async_finished([told](const std::exception_ptr&, const Outcome&) { *told = true; });
    drive(*core.own_context(), [&] { return *told || enough_; });
    give_up();
    drive(*core.own_context(), [&] { return *told; });
    if (until_ == Until::one_is_over) {
      stop();
    }
  }

  /// Lets everybody look whether it is enough.
  void stop() {
    if (!enough_.exchange(true)) {
      for (const auto& core : cores_) {
        boost::asio::post(*core->own_context(), [] {});
      }
    }
  }

  void join() {
    for (std::thread& thread : threads_) {
      thread.join();
    }
    threads_.clear();
  }

  const Cores cores_;
  const Until until_;
  std::atomic<bool> enough_{false};
  std::vector<std::exception_ptr> errors_;  ///< each of its own thread
  std::vector<std::thread> threads_;
};

/// Those whose run is going on, each once. Throws `Unsupported`.
Cores going_on(const Cores& cores) {
  Cores going;
  for (const auto& core : cores) {
    (void)core->require_own_context();
    if (!is_over(core) && std::find(going.begin(), going.end(), core) == going.end()) {
      going.push_back(core);
    }
  }
  return going;
}

}  // namespace

std::size_t wait_any(const std::vector<Process*>& processes) {
  require_any(processes.size());
  const Cores cores = cores_of(processes);
  const Cores going = going_on(cores);
  if (std::none_of(cores.begin(), cores.end(), is_over)) {
    Drivers(going, Until::one_is_over).run();
  }
  return static_cast<std::size_t>(std::find_if(cores.begin(), cores.end(), is_over) -
                                  cores.begin());
}

std::vector<Outcome> wait_all(const std::vector<Process*>& processes) {
  const Cores cores = cores_of(processes);
  const Cores going = going_on(cores);
  for (const auto& core : going) {
    core->execution().close_input();
  }
  Drivers(going, Until::all_are_over).run();
  std::vector<Outcome> outcomes;
  for (const auto& core : cores) {
    core->execution().rethrow_error();
    outcomes.push_back(core->execution().outcome().value_or(Outcome::unknown()));
  }
  return outcomes;
}

}  // namespace treehold::inline v0
