#include <treehold/placement.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {

void move_host_into_leaf() {
  platform::move_host_into_leaf();
}

}  // namespace treehold::inline v0
