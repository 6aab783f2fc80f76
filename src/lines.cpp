#include <algorithm>

#include <treehold/lines.hpp>

#include "src/line_end.hpp"

namespace treehold::inline v0 {

void LineBatch::Iterator::find_end() noexcept {
  length_ = std::min(find_line_end(rest_, ending_), rest_.size());
  ending_length_ = line_end_length(rest_.substr(length_));
}

}  // namespace treehold::inline v0
