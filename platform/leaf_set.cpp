#include "platform/leaf_set.hpp"

#include <algorithm>

namespace treehold::inline v0::platform {

std::vector<ProcessId> LeafSet::members() const {
  std::vector<ProcessId> all;
  for (const auto& leaf : leaves_) {
    const std::vector<ProcessId> some = leaf->members();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool LeafSet::empty() const {
  return std::all_of(leaves_.begin(), leaves_.end(),
                     [](const auto& leaf) { return leaf->empty(); });
}

void LeafSet::freeze() {
  for (const auto& leaf : leaves_) {
    leaf->freeze();
  }
}

void LeafSet::thaw() {
  for (const auto& leaf : leaves_) {
    leaf->thaw();
  }
}

bool LeafSet::frozen() const {
  return std::all_of(leaves_.begin(), leaves_.end(),
                     [](const auto& leaf) { return leaf->frozen(); });
}

Delivery LeafSet::deliver(int native_signal) {
  Delivery all;
  for (const auto& leaf : leaves_) {
    const Delivery one = leaf->deliver(native_signal);
    all.members += one.members;
    all.console_breaks += one.console_breaks;
    all.window_closes += one.window_closes;
  }
  return all;
}

void LeafSet::kill() noexcept {
  for (const auto& leaf : leaves_) {
    leaf->kill();
  }
}

bool LeafSet::remove() noexcept {
  bool all = true;
  for (const auto& leaf : leaves_) {
    all = leaf->remove() && all;
  }
  return all;
}

bool LeafSet::lost() const noexcept {
  return std::any_of(leaves_.begin(), leaves_.end(), [](const auto& leaf) { return leaf->lost(); });
}

}  // namespace treehold::inline v0::platform
