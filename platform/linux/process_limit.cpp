#include "platform/linux/process_limit.hpp"

#include <sys/resource.h>

#include <filesystem>
#include <optional>
#include <string>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/control_files.hpp"
#include "platform/linux/hierarchy.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace fs = std::filesystem;

/// The nearest group from `directory` upwards, up to `top`, that has as many processes as it may.
std::optional<fs::path> full_group(fs::path directory, const fs::path& top) {
  for (;; directory = directory.parent_path()) {
    const auto most = number_in(directory / "pids.max");
    const auto now = number_in(directory / "pids.current");
    if (most && now && *now >= *most) {
      return directory;
    }
    if (directory == top || !directory.has_relative_path()) {
      return std::nullopt;
    }
  }
}

}  // namespace

ProcessLimitReached process_limit_reached(const CgroupDir* leaf) {
  const auto reached = [](ProcessLimitOwner owner, const fs::path& directory) {
    return ProcessLimitReached(owner, (directory / "pids.max").string());
  };
  const std::optional<OwnCgroup> unified = own_unified_cgroup();
  std::optional<fs::path> place;
  std::optional<fs::path> group;
  if (leaf != nullptr) {
    std::error_code ignored;
    place = fs::read_symlink("/proc/self/fd/" + std::to_string(leaf->fd()), ignored);
    group = place->parent_path();
  } else if (unified) {
    place = unified->directory();
  }
  if (const auto full =
          place && unified ? full_group(*place, unified->mount_point) : std::nullopt) {
    return reached(full == group ? ProcessLimitOwner::group : ProcessLimitOwner::ancestor, *full);
  }
  if (const std::optional<OwnCgroup> older = own_v1_cgroup("pids")) {
    const std::optional<std::string> own = older->directory();
    if (const auto full = own ? full_group(*own, older->mount_point) : std::nullopt) {
      return reached(ProcessLimitOwner::ancestor, *full);
    }
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    return {ProcessLimitOwner::user, "RLIMIT_NPROC is " + std::to_string(limit.rlim_cur)};
  }
  return {ProcessLimitOwner::system, "kernel.threads-max, kernel.pid_max"};
}

}  // namespace treehold::inline v0::platform
