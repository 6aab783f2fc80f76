// The hierarchies of cgroups that this process sees, and its own place in each: /proc/PID/cgroup
// and mountinfo, proc(5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace treehold::inline v0::platform {

/// The calling process's own group in a hierarchy.
struct OwnCgroup {
  std::string mount_root;   ///< the group that the mount shows at its top
  std::string mount_point;  ///< empty when the hierarchy is not mounted
  std::string path;         ///< as /proc/PID/cgroup shows it

  /// Where it can be found; nothing when it is not to be seen here.
  [[nodiscard]] std::optional<std::string> directory() const;

  /// Below the mount point; nothing when the group lies outside of what the mount shows.
  [[nodiscard]] std::optional<std::string> below_mount() const;
};

/// In the unified hierarchy. Nothing when the process is in none.
[[nodiscard]] std::optional<OwnCgroup> own_unified_cgroup();

/// In the version 1 hierarchy of `controller` ("memory", "blkio", …).
[[nodiscard]] std::optional<OwnCgroup> own_v1_cgroup(std::string_view controller);

/// `path` below `root`; nothing when it lies outside.
[[nodiscard]] std::optional<std::string> path_below(const std::string& root,
                                                    const std::string& path);

}  // namespace treehold::inline v0::platform
