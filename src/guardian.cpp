#include <treehold/guardian.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {

void set_guardian_policy(GuardianPolicy policy) {
  platform::set_guardian_policy(policy);
}

GuardianPolicy guardian_policy() {
  return platform::guardian_policy();
}

}  // namespace treehold::inline v0
