// A lock that many may hold together, or one alone.
#pragma once

#include <atomic>

namespace treehold::inline v0 {

/// What std::shared_mutex is, for the standard guards. That of GCC for Windows leaves two kernel
/// handles behind for each that was used; this one has none to leave.
class Gate {
 public:
  void lock_shared() noexcept {
    int holders = holders_.load(std::memory_order_relaxed);
    for (;;) {
      if (holders == alone) {
        holders_.wait(alone);
        holders = holders_.load(std::memory_order_relaxed);
      } else if (holders_.compare_exchange_weak(holders, holders + 1, std::memory_order_acquire)) {
        return;
      }
    }
  }

  void unlock_shared() noexcept {
    if (holders_.fetch_sub(1, std::memory_order_release) == 1) {
      holders_.notify_all();
    }
  }

  void lock() noexcept {
    int holders = 0;
    while (!holders_.compare_exchange_weak(holders, alone, std::memory_order_acquire)) {
      if (holders != 0) {
        holders_.wait(holders);
      }
      holders = 0;
    }
  }

  void unlock() noexcept {
    holders_.store(0, std::memory_order_release);
    holders_.notify_all();
  }

 private:
  static constexpr int alone = -1;

  std::atomic<int> holders_{0};
};

}  // namespace treehold::inline v0
