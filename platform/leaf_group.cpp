#include "platform/leaf_group.hpp"

namespace treehold::inline v0::platform {

std::shared_ptr<Leaf> LeafGroup::make_leaf() {
  auto leaf = fresh_leaf();
  leaves_.add(leaf);
  return leaf;
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
