#include "platform/leaf_group.hpp"

#include <utility>

namespace treehold::inline v0::platform {

std::shared_ptr<Leaf> LeafGroup::make_leaf() {
  auto leaf = fresh_leaf();
  const std::lock_guard lock(mutex_);
  std::erase_if(leaves_, [](const auto& known) { return known.expired(); });
  leaves_.push_back(leaf);
  return leaf;
}

std::shared_ptr<LeafSet> LeafGroup::leaves() const {
  std::vector<std::shared_ptr<Leaf>> living;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& leaf : leaves_) {
      if (auto held = leaf.lock()) {
        living.push_back(std::move(held));
      }
    }
  }
  return set_of(living);
}

void LeafGroup::kill() noexcept {
  try {
    leaves()->kill();
  } catch (...) {  // no memory: to be repeated
  }
}

bool LeafGroup::remove() noexcept {
  try {
    return leaves()->remove();
  } catch (...) {  // no memory: to be tried again
    return false;
  }
}

}  // namespace treehold::inline v0::platform
