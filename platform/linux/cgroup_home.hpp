// Where this process may make cgroups, and the umbrella it makes there.
//
// The place is the process's own cgroup, or its nearest ancestor in which it may make groups. It is
// not a higher one, although permissions may reach further: what limits the host and what its
// service manager stops with it must hold for its children, too.
//
//     <own cgroup>/treehold-<16 random hex digits>/   the umbrella of this process, flock(2)ed
//         plain/                                      groups without limits
//             g1/                                     a group
//                 l1/                                 a leaf: one start
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include <treehold/mechanism.hpp>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/spawn.hpp"

namespace treehold::inline v0::platform {

/// The place for umbrellas, or why there is none.
struct CgroupPlace {
  std::string directory;    ///< below the mount of cgroup v2; empty when there is none
  std::string kernel_path;  ///< the same as /proc/PID/cgroup shows it
  std::string problem;      ///< path and reason, when directory is empty
  std::string remedy;
};

/// Looks for it; makes nothing.
[[nodiscard]] CgroupPlace find_cgroup_place();

class Umbrella {
 public:
  /// Makes it and takes its lock. Throws `Unsupported` with the reason.
  explicit Umbrella(const CgroupPlace& place);

  /// Removes it, when it is this process's and empty.
  ~Umbrella();
  Umbrella(const Umbrella&) = delete;
  Umbrella& operator=(const Umbrella&) = delete;

  /// The place it was made at, and the name below it, as /proc/PID/cgroup shows it.
  [[nodiscard]] const std::string& kernel_path() const noexcept { return kernel_path_; }
  [[nodiscard]] const CgroupDir& plain() const noexcept { return plain_; }
  /// How children get into leaves here.
  [[nodiscard]] SpawnWay spawn_way() const noexcept { return spawn_way_; }
  [[nodiscard]] std::string next_group_name();

  /// The umbrella for groups made now: the one there is, or a new one when this process was moved
  /// to another cgroup meanwhile, or is a fork of the one that made it. Throws `Unsupported`.
  [[nodiscard]] static std::shared_ptr<Umbrella> current();

 private:
  const std::uint64_t owner_;
  std::string place_path_;
  std::string kernel_path_;
  std::string name_;
  CgroupDir place_;
  CgroupDir directory_;
  CgroupDir plain_;
  SpawnWay spawn_way_ = SpawnWay::direct;
  std::atomic<std::uint64_t> groups_{0};
};

}  // namespace treehold::inline v0::platform
