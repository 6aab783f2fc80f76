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

/// The nearest group from `directory` upwards, up to `top`, that has as many processes as it may.
std::optional<std::string> full_group(std::string directory, const std::string& top) {
  while (directory.size() >= top.size() && !directory.empty()) {
    const auto most = number_in(directory + "/pids.max");
    const auto now = number_in(directory + "/pids.current");
    if (most && now && *now >= *most) {
      return directory + "/pids.max";
    }
    directory.resize(directory.rfind('/') == std::string::npos ? 0 : directory.rfind('/'));
  }
  return std::nullopt;
}

}  // namespace

ProcessLimitReached process_limit_reached(const CgroupDir* leaf) {
  const std::optional<OwnCgroup> unified = own_unified_cgroup();
  std::optional<std::string> place = unified ? unified->directory() : std::nullopt;
  if (leaf != nullptr) {
    std::error_code ignored;
    place = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(leaf->fd()), ignored)
                .string();
  }
  std::optional<std::string> full =
      place ? full_group(*place, unified ? unified->mount_point : "/") : std::nullopt;
  if (const std::optional<OwnCgroup> older = own_v1_cgroup("pids"); !full && older) {
    const std::optional<std::string> own = older->directory();
    full = own ? full_group(*own, older->mount_point) : std::nullopt;
  }
  if (full) {
    return {ProcessLimitOwner::ancestor, *full};
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NPROC, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
    return {ProcessLimitOwner::user, "RLIMIT_NPROC is " + std::to_string(limit.rlim_cur)};
  }
  return {ProcessLimitOwner::system, "kernel.threads-max, kernel.pid_max"};
}

}  // namespace treehold::inline v0::platform
