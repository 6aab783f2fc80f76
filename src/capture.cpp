#include "src/capture.hpp"

#include <algorithm>
#include <exception>
#include <utility>

#include "src/line_end.hpp"

namespace treehold::inline v0 {
namespace {

constexpr std::size_t longest_handled_line = std::size_t{1} << 20;
constexpr std::size_t bytes_of_a_capped_line = std::size_t{64} * 1024;
constexpr std::size_t much = std::size_t{16} << 20;

/// A cap on lines alone still bounds the bytes, since a child may never end its line.
std::optional<std::size_t> byte_limit(const OutputLimit& limit) {
  if (limit.bytes || !limit.lines) {
    return limit.bytes;
  }
  constexpr std::size_t most = ~std::size_t{0} / bytes_of_a_capped_line;
  return *limit.lines > most ? ~std::size_t{0} : *limit.lines * bytes_of_a_capped_line;
}

}  // namespace

Capture::Capture(const OutputLimit& limit, LineEnding ending, LineHandler handler)
    : limit_(limit),
      ending_(ending),
      byte_limit_(byte_limit(limit)),
      handler_(std::move(handler)) {}

bool Capture::append(std::string_view bytes) {
  if (bytes.empty()) {
    return true;
  }
  const bool rest_of_ending = std::exchange(return_taken_, false) && bytes.front() == '\n';
  const bool fits = keep(bytes.substr(rest_of_ending ? 1 : 0));
  if (handler_) {
    deliver_lines(bytes);
  }
  return fits;
}

/// What keeping much costs is the first touch of memory, and each time that a string grows it moves
/// to memory that nobody has touched. So it grows in large steps: what is not used of them is never
/// touched.
void Capture::make_room(std::size_t more) {
  if (kept_.size() + more <= std::max(kept_.capacity(), much)) {
    return;
  }
  try {
    kept_.reserve(4 * std::max(kept_.capacity(), much / 4));
  } catch (const std::exception&) {  // it is content with less
  }
}

/// Keeps what the cap allows; false when it does not allow all and must fail.
bool Capture::keep(std::string_view bytes) {
  close_gap();
  if (!byte_limit_) {
    make_room(bytes.size());
    kept_.append(bytes);
    return true;
  }
  if (limit_.policy == OverflowPolicy::keep_last) {
    kept_.append(bytes);
    keep_last();
    return true;
  }
  std::size_t room =
      full_ ? 0
            : std::min(bytes.size(), *byte_limit_ - std::min(*byte_limit_, kept_.size() - read_));
  if (limit_.lines && !full_) {
    for (std::size_t i = 0; i < room; ++i) {
      if (!line_open_ && kept_lines_ == *limit_.lines) {
        room = i;
        break;
      }
      line_open_ = bytes[i] != '\n';
      kept_lines_ += line_open_ ? 0 : 1;
    }
  }
  kept_.append(bytes.substr(0, room));
  if (room < bytes.size()) {
    full_ = true;
    truncated_ = true;
    return limit_.policy != OverflowPolicy::fail;
  }
  return true;
}

/// Drops from the front. Only when twice the cap is reached, so that each byte is moved once on
/// average.
void Capture::keep_last() {
  const auto trim = [this](std::size_t slack) {
    std::size_t from = read_;
    if (kept_.size() - from > *byte_limit_ + slack) {
      from = kept_.size() - *byte_limit_;
    }
    if (limit_.lines) {
      // The last `lines` lines, a trailing open one counted.
      std::size_t at = kept_.size();
      std::size_t lines = at > from && kept_[at - 1] != '\n' ? 1 : 0;
      while (at > from) {
        if (kept_[at - 1] == '\n' && ++lines > *limit_.lines) {
          break;
        }
        --at;
      }
      from = *limit_.lines == 0 ? kept_.size() : at;
    }
    if (from > read_) {
      truncated_ = true;
      kept_.erase(0, from);
      read_ = 0;
      searched_ = 0;
    }
  };
  if (finished_) {
    trim(0);
  } else if (kept_.size() - read_ > std::max(2 * *byte_limit_, bytes_of_a_capped_line)) {
    trim(*byte_limit_);
  }
}

void Capture::deliver_lines(std::string_view bytes) {
  while (!bytes.empty()) {
    if (std::exchange(return_delivered_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const std::size_t end = find_line_end(bytes, ending_);
    if (end == std::string_view::npos) {
      partial_line_.append(bytes);
      if (partial_line_.size() >= longest_handled_line) {
        handler_(std::exchange(partial_line_, {}));
      }
      return;
    }
    return_delivered_ = bytes[end] == '\r';
    deliver(bytes.substr(0, end));
    bytes.remove_prefix(end + 1);
  }
}

void Capture::deliver(std::string_view line) {
  if (partial_line_.empty()) {
    handler_(line);
  } else {
    partial_line_.append(line);
    handler_(std::exchange(partial_line_, {}));
  }
}

void Capture::finish() {
  if (finished_) {
    return;
  }
  finished_ = true;
  if (byte_limit_ && limit_.policy == OverflowPolicy::keep_last) {
    keep_last();
  }
  if (handler_ && !partial_line_.empty()) {
    handler_(std::exchange(partial_line_, {}));
  }
}

std::string Capture::take_some(std::size_t limit) {
  const std::size_t count = std::min(limit, kept_.size() - read_);
  if (read_ == 0 && count == kept_.size() && count > kept_.capacity() / 2) {
    return take_all();  // without a copy
  }
  std::string some = kept_.substr(read_, count);
  taken(count);
  return some;
}

void Capture::taken(std::size_t count) {
  read_ += count;
  searched_ = std::max(searched_, read_);
  if (read_ == kept_.size()) {
    kept_.clear();
    read_ = searched_ = 0;
  }
}

/// Makes what was taken room again when more comes: where that is most of what is kept, little has
/// to be moved.
void Capture::close_gap() {
  if (read_ > kept_.size() / 2) {
    kept_.erase(0, read_);
    searched_ -= read_;
    read_ = 0;
  }
}

bool Capture::has_line() {
  const std::size_t end = find_line_end(kept_, ending_, std::max(searched_, read_));
  searched_ = std::min(end, kept_.size());
  return end != std::string::npos || (finished_ && has_bytes());
}

std::optional<std::string> Capture::take_line() {
  std::optional<std::string> line;
  if (has_line()) {
    line.emplace(kept_, read_, searched_ - read_);
    const std::string_view ending = std::string_view(kept_).substr(searched_);
    return_taken_ = ending == "\r";
    taken(line->size() + line_end_length(ending));
  }
  return line;
}

LineBatch Capture::take_lines() {
  if (!has_line()) {
    return {};
  }
  const bool both = ending_ == LineEnding::newline_or_return;
  const std::size_t end = finished_ ? kept_.size() : kept_.find_last_of(both ? "\r\n" : "\n") + 1;
  return_taken_ = both && kept_.ends_with('\r');
  return {take_some(end - read_), ending_};
}

std::string Capture::take_all() {
  std::string all = read_ == 0 ? std::move(kept_) : kept_.substr(read_);
  kept_.clear();
  read_ = searched_ = 0;
  return all;
}

}  // namespace treehold::inline v0
