#include "platform/linux/sweep.hpp"

#include <sys/file.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <treehold/error.hpp>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/guardian.hpp"
#include "platform/linux/hierarchy.hpp"
#include "platform/linux/hybrid_controllers.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace fs = std::filesystem;

/// An umbrella without an owner, as long as this lives: it holds the lock. Invalid where there is
/// an owner.
CgroupDir take(const CgroupDir& place, const std::string& name) {
  CgroupDir umbrella = place.open_child(name);
  if (umbrella && ::flock(umbrella.fd(), LOCK_EX | LOCK_NB) != 0) {
    return {};
  }
  return umbrella;
}

/// Why it could not be ended within `patience`; nothing when it is gone.
std::optional<std::string> end(const CgroupDir& place, const CgroupDir& stale,
                               const std::string& name, std::chrono::nanoseconds patience) {
  using namespace std::chrono_literals;
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const bool killed = stale.write("cgroup.kill", "1");
    const auto kill_error = last_error();
    if (place.remove_child(name)) {
      return std::nullopt;
    }
    const auto remove_error = last_error();
    if (!killed) {
      return "cgroup.kill: " + kill_error.message();
    }
    if (remove_error != boost::system::errc::device_or_resource_busy ||
        std::chrono::steady_clock::now() > deadline) {
      return "it cannot be removed: " + remove_error.message();
    }
    std::this_thread::sleep_for(1ms);
  }
}

void remove_in(const std::string& older_place, const std::string& name) {
  if (const CgroupDir place = CgroupDir::open(older_place)) {
    (void)place.remove_child(name);
  }
}

/// The umbrellas in `directory` and below. What cannot be read, or goes meanwhile, has none.
std::vector<fs::path> umbrellas_below(const std::string& directory) {
  std::vector<fs::path> found;
  std::error_code ignored;
  const auto options = fs::directory_options::skip_permission_denied;
  for (auto at = fs::recursive_directory_iterator(directory, options, ignored);
       at != fs::recursive_directory_iterator(); at.increment(ignored)) {
    if (is_random_name(at->path().filename().string()) && at->is_directory(ignored)) {
      found.push_back(at->path());
      at.disable_recursion_pending();
    }
  }
  return found;
}

/// What lies beside umbrellas of these names, wherever their hosts were.
void remove_beside(const std::set<std::string>& names) {
  if (names.empty()) {
    return;
  }
  for (const Controller controller : all_controllers()) {
    const std::optional<OwnCgroup> own = own_v1_cgroup(to_string(controller));
    if (!own || own->mount_point.empty()) {
      continue;
    }
    for (const fs::path& older : umbrellas_below(own->mount_point)) {
      if (names.count(older.filename()) != 0) {
        remove_in(older.parent_path(), older.filename());
      }
    }
  }
}

/// Where to look. Throws `Unsupported`.
std::string place_of(const SweepOptions& options) {
  const char* const operation = "sweeping groups that were left behind";
  const std::optional<OwnCgroup> own = own_unified_cgroup();
  if (!own || own->mount_point.empty()) {
    throw Unsupported(operation, "no cgroup v2 hierarchy is mounted");
  }
  if (options.directory.empty()) {
    return own->mount_point;
  }
  std::error_code failed;
  const fs::path wanted = fs::canonical(options.directory, failed);
  if (failed) {
    throw Unsupported(operation, options.directory + ": " + failed.message());
  }
  if (!path_below(own->mount_point, wanted)) {
    throw Unsupported(
        operation, options.directory + " is outside of the cgroup v2 mount at " + own->mount_point);
  }
  return wanted;
}

}  // namespace

void sweep(const CgroupDir& place) {
  for (const std::string& name : place.children()) {
    const CgroupDir stale = is_random_name(name) ? take(place, name) : CgroupDir();
    if (!stale) {
      continue;
    }
    constexpr std::chrono::milliseconds moment(250);
    if (end(place, stale, name, moment)) {
      (void)leave_to_guardian(place, name);
      continue;
    }
    for (const Controller controller : all_controllers()) {
      if (const std::string older = hybrid_place(controller); !older.empty()) {
        remove_in(older, name);
      }
    }
  }
}

std::vector<StaleGroups> sweep_stale_groups(const SweepOptions& options) {
  std::vector<StaleGroups> all;
  std::set<std::string> ended;
  for (const fs::path& path : umbrellas_below(place_of(options))) {
    const std::string name = path.filename();
    const CgroupDir place = CgroupDir::open(path.parent_path());
    const CgroupDir stale = place ? take(place, name) : CgroupDir();
    if (!stale) {
      continue;
    }
    StaleGroups groups{path, stale.processes(), false, ""};
    if (!options.dry_run) {
      const std::optional<std::string> problem = end(place, stale, name, options.patience);
      groups.ended = !problem;
      groups.problem = problem.value_or("");
      if (groups.ended) {
        ended.insert(name);
      }
    }
    all.push_back(std::move(groups));
  }
  remove_beside(ended);  // one look at each hierarchy for all
  return all;
}

}  // namespace treehold::inline v0::platform
