// Lines of a stream: where they end, who takes them as they come, and many of them at once.
#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

/// Where a line ends.
enum class LineEnding {
  newline,            ///< at '\n'
  newline_or_return,  ///< at "\r\n", '\n' or '\r', as a terminal shows it: progress bars
};

/// Takes the lines of a stream as they come, without their ending. What it throws ends the run with
/// that exception, after the tree is dead. A line longer than 1 MiB comes in pieces.
using LineHandler = std::function<void(std::string_view line)>;

/// The lines that were there when somebody looked, as a forward range of `std::string_view` without
/// their endings. The views are into the batch and end with it; they do not survive its move.
class TREEHOLD_EXPORT LineBatch {
 public:
  class TREEHOLD_EXPORT Iterator {
   public:
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using reference = std::string_view;
    using pointer = void;
    using difference_type = std::ptrdiff_t;

    Iterator() noexcept = default;
    std::string_view operator*() const noexcept { return rest_.substr(0, length_); }
    Iterator& operator++() noexcept {
      rest_.remove_prefix(length_ + ending_length_);
      find_end();
      return *this;
    }
    Iterator operator++(int) noexcept { return std::exchange(*this, std::next(*this)); }
    friend bool operator==(const Iterator& left, const Iterator& right) noexcept {
      return left.rest_.size() == right.rest_.size();
    }
    friend bool operator==(const Iterator& at, std::default_sentinel_t /*end*/) noexcept {
      return at.rest_.empty();
    }

   private:
    friend class LineBatch;
    Iterator(std::string_view text, LineEnding ending) noexcept : rest_(text), ending_(ending) {
      find_end();
    }
    void find_end() noexcept;

    std::string_view rest_;  ///< this line and all behind it
    std::size_t length_ = 0;
    std::size_t ending_length_ = 0;
    LineEnding ending_ = LineEnding::newline;
  };

  /// Without lines.
  LineBatch() noexcept = default;
  LineBatch(std::string text, LineEnding ending) noexcept
      : text_(std::move(text)), ending_(ending) {}

  [[nodiscard]] Iterator begin() const noexcept { return {text_, ending_}; }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

  /// The lines as they were written, endings included.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
  LineEnding ending_ = LineEnding::newline;
};

}  // namespace treehold::inline v0
