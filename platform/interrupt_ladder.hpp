// What interrupts of a program lead to: the first to a soft end, the second or the end of a grace
// to a hard one.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <utility>

namespace treehold::inline v0::platform {

/// For the one thread that takes interrupts.
class InterruptLadder {
 public:
  InterruptLadder(std::chrono::nanoseconds grace, std::function<void(int)> soft,
                  std::function<void()> hard)
      : grace_(grace), soft_(std::move(soft)), hard_(std::move(hard)) {}

  void take(int number) {
    if (!softened_) {
      softened_ = true;
      hard_at_ = Clock::now() + std::min<std::chrono::nanoseconds>(grace_, longest);
      soft_(number);
    } else {
      end_hard();
    }
  }

  /// What is left of the grace, once it is used.
  [[nodiscard]] std::optional<std::chrono::nanoseconds> left() const {
    return hard_at_ ? std::optional<std::chrono::nanoseconds>(*hard_at_ - Clock::now())
                    : std::nullopt;
  }

  /// Ends hard when the grace is over.
  void look() {
    if (hard_at_ && Clock::now() >= *hard_at_) {
      end_hard();
    }
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::hours longest{24 * 365};

  void end_hard() {
    hard_at_.reset();
    hard_();
  }

  std::chrono::nanoseconds grace_;
  std::function<void(int)> soft_;
  std::function<void()> hard_;
  std::optional<Clock::time_point> hard_at_;
  bool softened_ = false;
};

}  // namespace treehold::inline v0::platform
