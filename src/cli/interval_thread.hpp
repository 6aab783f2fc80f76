// Something that is looked at again and again beside the run.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace treehold::cli {

/// Calls a function on a thread of its own, at once and then every `interval`, until destroyed. The
/// function must not throw.
class IntervalThread {
 public:
  IntervalThread(std::chrono::milliseconds interval, std::function<void()> look);
  ~IntervalThread();
  IntervalThread(const IntervalThread&) = delete;
  IntervalThread& operator=(const IntervalThread&) = delete;

 private:
  void repeat();

  const std::chrono::milliseconds interval_;
  const std::function<void()> look_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace treehold::cli
