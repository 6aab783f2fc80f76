// What tests of many runs at once share.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <treehold/treehold.hpp>

#include "forms.hpp"

namespace support {

template <class Error>
[[nodiscard]] bool failed_with(const treehold::OutputResult& result) {
  try {
    (void)result.value();
  } catch (const Error&) {
    return true;
  } catch (...) {
  }
  return false;
}

/// The results by index, in the order in which they came.
[[nodiscard]] inline std::vector<std::size_t> order_of(forms::AsCompleted& all) {
  std::vector<std::size_t> order;
  while (const std::optional<treehold::Completed> done = all.next()) {
    order.push_back(done->index);
  }
  return order;
}

}  // namespace support
