// What limits and counts one group: the kernel's controllers, in the unified hierarchy or, on
// hybrid hosts, each in one of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

enum class Controller { memory, pids, cpu, cpuset, io };
using ControllerSet = std::set<Controller>;

/// The kernel's name: "memory", "pids", …
[[nodiscard]] std::string_view to_string(Controller controller) noexcept;
[[nodiscard]] std::string to_string(const ControllerSet& controllers);

/// Whether a file like cgroup.controllers lists it.
[[nodiscard]] bool lists(const std::string& file, Controller controller);

/// The names of `Limits` with the controller that each needs.
struct LimitController {
  const char* limit;
  Controller controller;
};
[[nodiscard]] const std::vector<LimitController>& limit_controllers();

/// All that a limit needs.
[[nodiscard]] ControllerSet all_controllers();

/// What `limits` cannot do without.
[[nodiscard]] ControllerSet needed_by(const Limits& limits);

/// The first limit that needs `controller`, for messages.
[[nodiscard]] std::string limit_needing(const Limits& limits, Controller controller);

/// One file of a controller and what is written to it.
struct ControlValue {
  std::string limit;  ///< its name in `Limits`
  Controller controller;
  std::string file;
  std::string value;
};

/// The controllers of one group. Thread safe but for `replace`.
class Controllers {
 public:
  virtual ~Controllers() = default;

  /// Writes `wanted` where `before` holds; all or nothing. Throws `LimitRefused`.
  void replace(const Limits& before, const Limits& wanted) const;

  /// Fills in what these controllers count.
  virtual void count(Statistics& statistics) const = 0;
  [[nodiscard]] virtual LimitEvidence evidence(const Limits& limits) const = 0;
  [[nodiscard]] virtual MemoryKills memory_kills() const = 0;

  /// Files to which a member-to-be writes "0"; none where being in the group is enough.
  [[nodiscard]] virtual std::vector<UniqueFd> entrances() const { return {}; }

  /// Whether there are any.
  [[nodiscard]] virtual bool has_entrances() const noexcept { return false; }

  /// The file that tells how many processes and threads there are; invalid where nobody counts.
  [[nodiscard]] virtual UniqueFd process_count() const = 0;

  /// How many there may be.
  [[nodiscard]] virtual std::uint64_t most_processes() const = 0;

  /// Takes away what is beside the group's own directory; when that is empty.
  virtual bool remove() noexcept { return true; }

 protected:
  /// What `limits` sets, in the order in which it is to be written. Throws `LimitRefused`.
  [[nodiscard]] virtual std::vector<ControlValue> values_of(const Limits& limits) const = 0;
  /// What the kernel has in this file of a new group.
  [[nodiscard]] virtual std::string value_at_first(const ControlValue& value) const = 0;
  [[nodiscard]] virtual const CgroupDir& directory(Controller controller) const = 0;
  [[nodiscard]] virtual std::string path(Controller controller) const = 0;

 private:
  [[nodiscard]] std::vector<ControlValue> steps(const std::vector<ControlValue>& before,
                                                const std::vector<ControlValue>& wanted) const;
  [[nodiscard]] bool write(const ControlValue& value) const;
};

/// Those of a directory of the unified hierarchy, as far as they are enabled there. `group` is to
/// outlive them; `path` is for messages.
[[nodiscard]] std::unique_ptr<Controllers> unified_controllers(const CgroupDir& group,
                                                               std::string path);

}  // namespace treehold::inline v0::platform
