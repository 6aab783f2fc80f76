#include "platform/linux/process_limit.hpp"

#include <sys/resource.h>

#include <filesystem>
#include <optional>
#include <sstream>
#include <string>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/hierarchy.hpp"
#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

std::optional<std::uint64_t> number_in_file(const std::string& file) {
  std::istringstream text(read_file(file).value_or(""));
  std::uint64_t number = 0;
  return text >> number ? std::optional(number) : std::nullopt;
}

/// The nearest group from `directory` upwards, up to `top`, that has as many processes as it may.
std::optional<std::string> full_group(std::string directory, const std::string& top) {
  while (directory.size() >= top.size() && !directory.empty()) {
    const auto most = number_in_file(directory + "/pids.max");
    const auto now = number_in_file(directory + "/pids.current");
    if (most && now && *now >= *most) {
      return directory + "/pids.max";
    }
    directory.resize(directory.rfind('/') == std::string::npos ? 0 : directory.rfind('/'));
  }
  return std::nullopt;
}

}  // namespace

ProcessLimitReached process_limit_reached(const CgroupDir* leaf) {
  std::optional<std::string> full;
  const std::optional<OwnCgroup> unified = own_unified_cgroup();
  if (leaf != nullptr) {
    std::error_code ignored;
    const auto path =
        std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(leaf->fd()), ignored);
    full = full_group(path.string(), unified ? unified->mount_point : "/");
  } else if (unified) {
    full = full_group(unified->mount_point + unified->below_mount().value_or(""),
                      unified->mount_point);
  }
  const std::optional<OwnCgroup> older = own_v1_cgroup("pids");
  if (!full && older && !older->mount_point.empty()) {
    full = full_group(older->mount_point + older->below_mount().value_or(""), older->mount_point);
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
