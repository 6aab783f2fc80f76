// The answers to posix/system.hpp of systems that know a child by its number alone.
#include "platform/posix/system.hpp"

namespace treehold::inline v0::platform {

bool send_to_child(const ChildHandle& child, int native_signal) noexcept {
  return ::kill(child.pid, native_signal) == 0;
}

bool signals_need_no_number() noexcept {
  return false;
}

std::optional<Outcome> outcome_kept_for(const ChildHandle& /*child*/) {
  return std::nullopt;
}

}  // namespace treehold::inline v0::platform
