#include "src/cli/interval_thread.hpp"

#include <utility>

namespace treehold::cli {

IntervalThread::IntervalThread(std::chrono::milliseconds interval, std::function<void()> look)
    : interval_(interval), look_(std::move(look)), thread_([this] { repeat(); }) {}

IntervalThread::~IntervalThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  stopped_.notify_one();
  thread_.join();
}

void IntervalThread::repeat() {
  std::unique_lock lock(mutex_);
  do {
    look_();
  } while (!stopped_.wait_for(lock, interval_, [this] { return stop_; }));
}

}  // namespace treehold::cli
