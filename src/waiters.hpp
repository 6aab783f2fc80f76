// Those who wait for something of a run, or of a queue of runs, and are told when it is there.
#pragma once

#include <functional>
#include <list>
#include <memory>

namespace treehold::inline v0 {

/// Somebody who waits for a condition, and is told whether it holds or was given up. `told` is
/// called from within the engine: it takes what it came for and no more. Neither may own what owns
/// the waiters.
struct Waiter {
  std::function<bool()> condition;
  std::function<void(bool holds)> told;
};

/// Looks at the conditions in the order in which their waiters came.
class Waiters {
 public:
  [[nodiscard]] bool empty() const noexcept { return waiting_.empty(); }

  /// Tells the waiter at once if its condition holds; whether it has to wait.
  bool add(const std::shared_ptr<Waiter>& waiter) {
    if (waiter->condition()) {
      waiter->told(true);
      return false;
    }
    waiting_.push_back(waiter);
    return true;
  }

  /// Gives a wait up, unless the waiter has been told.
  void abandon(const std::shared_ptr<Waiter>& waiter) {
    if (std::erase(waiting_, waiter) > 0) {
      waiter->told(false);
    }
  }

  /// Tells those whose conditions hold by now.
  void progress() {
    for (auto next = waiting_.begin(); next != waiting_.end();) {
      if ((*next)->condition()) {
        const std::shared_ptr<Waiter> waiter = *next;
        next = waiting_.erase(next);
        waiter->told(true);
      } else {
        ++next;
      }
    }
  }

 private:
  std::list<std::shared_ptr<Waiter>> waiting_;
};

}  // namespace treehold::inline v0
