// Objects that others own, for as long as they live.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace treehold::inline v0::platform {

/// Thread safe. Adding costs the same however many there are.
template <class Object>
class WeakList {
 public:
  void add(const std::shared_ptr<Object>& object) {
    const std::lock_guard lock(mutex_);
    if (known_.size() >= look_for_expired_at_) {
      std::erase_if(known_, [](const auto& known) { return known.expired(); });
      constexpr std::size_t few = 16;
      look_for_expired_at_ = std::max(few, 2 * known_.size());
    }
    known_.push_back(object);
  }

  [[nodiscard]] std::vector<std::shared_ptr<Object>> living() const {
    std::vector<std::shared_ptr<Object>> living;
    const std::lock_guard lock(mutex_);
    for (const auto& known : known_) {
      if (auto held = known.lock()) {
        living.push_back(std::move(held));
      }
    }
    return living;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<Object>> known_;
  std::size_t look_for_expired_at_ = 0;
};

}  // namespace treehold::inline v0::platform
