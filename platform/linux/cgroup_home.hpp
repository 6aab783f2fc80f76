// Where this process may make cgroups, and the umbrella it makes there.
//
// The place is the process's own cgroup, or its nearest ancestor in which it may make groups. It is
// not a higher one, although permissions may reach further: what limits the host and what its
// service manager stops with it must hold for its children, too. Groups with limits need a place
// that can give controllers to its children: it may hold no process itself, so that it is often an
// ancestor, which was delegated to the host (DelegateSubgroup= of systemd makes one).
// TREEHOLD_CGROUP or `GroupOptions::cgroup` names another place.
//
//     <place>/treehold-<16 random hex digits>/   the umbrella of this process, flock(2)ed
//         plain/                                 groups without limits
//             g1/                                a group
//                 l1/                            a leaf: one start
//         limited/                               groups with limits; controllers are enabled below
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include <boost/system/error_code.hpp>

#include <treehold/mechanism.hpp>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/controllers.hpp"
#include "platform/linux/guardian.hpp"
#include "platform/linux/spawn.hpp"

namespace treehold::inline v0::platform {

/// The group that a host moves into (<treehold/placement.hpp>).
inline constexpr const char* host_leaf = "treehold-host";

/// The two directories of an umbrella.
inline constexpr const char* plain_shelf = "plain";
inline constexpr const char* limited_shelf = "limited";

/// `treehold-` and 16 random hex digits; and whether `name` is of that kind.
[[nodiscard]] std::string random_name();
[[nodiscard]] bool is_random_name(std::string_view name) noexcept;

/// What stands in the way.
struct Obstacle {
  std::string path;
  std::string reason;
  boost::system::error_code error;
  std::string remedy;

  /// Path and reason in one line.
  [[nodiscard]] std::string text() const;
};

/// The place for umbrellas, or why there is none.
struct CgroupPlace {
  std::string directory;       ///< below the mount of cgroup v2; empty when there is none
  std::string kernel_path;     ///< the same as /proc/PID/cgroup shows it
  bool for_one_group = false;  ///< named by its options: no later one is expected there
  Obstacle obstacle;           ///< when directory is empty
};

/// Looks for one that can give `controllers` to groups; makes nothing. `wanted` names it; else
/// TREEHOLD_CGROUP may.
[[nodiscard]] CgroupPlace find_cgroup_place(const ControllerSet& controllers = {},
                                            const std::string& wanted = {});

/// The same where none is named: the own cgroup, or the nearest above that was delegated.
[[nodiscard]] CgroupPlace find_delegation_root(const ControllerSet& controllers);

/// Why this process may not make groups in `directory` and place children there.
[[nodiscard]] std::optional<Obstacle> problem_with_place(const std::string& directory);

/// After a mkdir in `parent` that failed: throws `LimitRefused` when errno says that a group above
/// allows no more groups, or none so deep (`cgroup.max.descendants`, `cgroup.max.depth`).
void require_room_in_hierarchy(const std::string& parent);

class Umbrella {
 public:
  /// Makes it and takes its lock. Throws `Unsupported` with the reason.
  explicit Umbrella(const CgroupPlace& place);

  /// Removes it, when it is this process's and empty.
  ~Umbrella();
  Umbrella(const Umbrella&) = delete;
  Umbrella& operator=(const Umbrella&) = delete;

  /// The place it was made at with the name below it, as /proc/PID/cgroup shows it; the directory;
  /// and the name.
  [[nodiscard]] const std::string& kernel_path() const noexcept { return kernel_path_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const CgroupDir& plain() const noexcept { return plain_; }

  /// The directory for groups with limits, after `controllers` have been enabled for them. Throws
  /// `LimitRefused`, whose limit `limits` tells.
  [[nodiscard]] const CgroupDir& limited(const ControllerSet& controllers, const Limits& limits);

  [[nodiscard]] Guarded& guarded() const noexcept { return *guarded_; }

  /// How children get into leaves here.
  [[nodiscard]] SpawnWay spawn_way() const noexcept { return spawn_way_; }
  [[nodiscard]] std::string next_group_name();

  /// The umbrella for groups made at `place` now: the one there is, or a new one, also when this
  /// process is a fork of the one that made it. Throws `Unsupported`.
  [[nodiscard]] static std::shared_ptr<Umbrella> at(const CgroupPlace& place);

 private:
  const std::uint64_t owner_;
  const std::string place_path_;
  std::string path_;
  std::string kernel_path_;
  std::string name_;
  CgroupDir place_;
  CgroupDir directory_;
  CgroupDir plain_;
  std::unique_ptr<Guarded> guarded_;
  std::mutex limited_mutex_;
  CgroupDir limited_;
  SpawnWay spawn_way_ = SpawnWay::direct;
  std::atomic<std::uint64_t> groups_{0};
};

}  // namespace treehold::inline v0::platform
