// Orphans of macOS fall to launchd, and to nobody else.
#include <string>

#include "platform/posix/portable/reaper.hpp"

namespace treehold::inline v0::platform {

std::shared_ptr<Group> make_reaper_group(const GroupSettings& /*settings*/) {
  throw Unsupported("mechanism reaper", "all orphans of macOS fall to launchd");
}

std::optional<MechanismReport> reaper_report() {
  return std::nullopt;
}

}  // namespace treehold::inline v0::platform
