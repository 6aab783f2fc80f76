#include <string_view>

#include <treehold/error.hpp>
#include <treehold/placement.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {
namespace {

/// The rest of what a manager takes for a name is its own affair: it answers with a reason.
void require_suffix(const char* setting, const std::string& name, std::string_view suffix) {
  if (!name.empty() && !std::string_view(name).ends_with(suffix)) {
    throw InvalidSetting(setting, "does not end in " + std::string(suffix));
  }
}

}  // namespace

void move_host_into_leaf() {
  platform::move_host_into_leaf();
}

void move_host_into_scope(const ScopeOptions& options) {
  require_suffix("ScopeOptions::unit", options.unit, ".scope");
  require_suffix("ScopeOptions::slice", options.slice, ".slice");
  if (options.timeout <= std::chrono::nanoseconds::zero()) {
    throw InvalidSetting("ScopeOptions::timeout", "is not positive");
  }
  platform::move_host_into_scope(options);
}

}  // namespace treehold::inline v0
