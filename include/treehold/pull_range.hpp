// A range of what is pulled one by one: lines, events, results. For `for` and the algorithms of
// input ranges; to be walked through once.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <utility>

namespace treehold::inline v0 {

/// Ends when `next` returns nothing; what `next` throws comes out of `begin` or `++`.
template <class Value>
class PullRange {
 public:
  explicit PullRange(std::function<std::optional<Value>()> next) : next_(std::move(next)) {}

  class Iterator {
   public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = Value;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;
    explicit Iterator(PullRange& range) noexcept : range_(&range) {}
    Value& operator*() const { return *range_->current_; }
    Value* operator->() const { return &*range_->current_; }
    Iterator& operator++() {
      range_->current_ = range_->next_();
      return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator& at, std::default_sentinel_t /*end*/) {
      return at.ended();
    }

   private:
    [[nodiscard]] bool ended() const { return !range_->current_; }

    PullRange* range_ = nullptr;
  };

  /// Pulls the first one.
  Iterator begin() {
    current_ = next_();
    return Iterator(*this);
  }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  std::function<std::optional<Value>()> next_;
  std::optional<Value> current_;
};

}  // namespace treehold::inline v0
