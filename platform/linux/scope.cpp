#include <cstdint>
#include <mutex>
#include <optional>
#include <string>

#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/hierarchy.hpp"
#include "platform/linux/service_manager.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {
namespace {

/// The scope of this process, once one was asked for.
struct Scope {
  std::uint64_t owner = 0;
  std::string unit;
  bool complete = false;
};

/// Whether `own` is the group of `unit`, or a leaf in it. Names that the kernel uses for files of
/// its own begin with '_' as groups.
bool is_in(const std::optional<OwnCgroup>& own, const std::string& unit) {
  const std::string path = own ? own->path + "/" : "";
  return path.find("/" + unit + "/") != std::string::npos ||
         path.find("/_" + unit + "/") != std::string::npos;
}

}  // namespace

void move_host_into_scope(const ScopeOptions& options) {
  static std::mutex mutex;
  static Scope scope;
  const std::lock_guard lock(mutex);
  if (scope.owner != incarnation()) {
    scope = {incarnation(), "", false};
  }
  if (scope.complete) {
    return;
  }
  // A manager that answered too late, and a leaf that could not be made, leave the host in its
  // scope.
  if (scope.unit.empty() || !is_in(own_unified_cgroup(), scope.unit)) {
    scope.unit = options.unit.empty() ? random_name() + ".scope" : options.unit;
    start_scope(scope.unit, options);
    const std::optional<OwnCgroup> own = own_unified_cgroup();
    if (!is_in(own, scope.unit)) {
      throw no_scope("the service manager has started " + scope.unit + ", but the host is in " +
                     (own ? own->path : "no cgroup v2"));
    }
  }
  move_host_into_leaf();
  scope.complete = true;
}

}  // namespace treehold::inline v0::platform
