// The guardian of this process: a small process that ends our groups when we are gone, whatever
// ended us. What it does is in agent/guardian.hpp.
//
// One serves all umbrellas and process groups of the process. It is started with the first, and
// again where it is found dead. The process that is the first of its PID namespace needs none: the
// kernel ends all others with it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <treehold/guardian.hpp>
#include <treehold/mechanism.hpp>

#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

class CgroupDir;

/// A directory under the guardian's eyes. Lets it out of them in the end.
class Guarded {
 public:
  /// `directory` is `name` in `parent`; both live as long as this. Throws nothing of the
  /// guardian's: see `guarantee`.
  Guarded(const CgroupDir& parent, const CgroupDir& directory, std::string name);
  ~Guarded();
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  /// Also what lies in a hierarchy of version 1, in `parent` under the same name. Once for each.
  void beside(const std::string& parent);

  /// Starts another guardian where there is none alive. Cheap: to be called before each start.
  void keep() noexcept;

  /// Whether it is guarded now, or why not.
  [[nodiscard]] Guarantee guarantee() const;

 private:
  struct Entry;
  friend class Guardian;
  std::shared_ptr<Entry> entry_;
};

/// A process group under the guardian's eyes, of which its leader tells before it becomes the
/// program. The guardian ends what is left of it when the host has gone, unless it was told that
/// the group is.
class GuardedProcessGroup {
 public:
  /// Starts a guardian where there is none alive. Throws nothing of the guardian's: see
  /// `process_group_guarantee`.
  GuardedProcessGroup();
  ~GuardedProcessGroup();
  GuardedProcessGroup(const GuardedProcessGroup&) = delete;
  GuardedProcessGroup& operator=(const GuardedProcessGroup&) = delete;

  /// Through what, and as which one, the leader tells of itself. Negative when there is no
  /// guardian.
  [[nodiscard]] int way_to_guardian() const noexcept { return way_.get(); }
  [[nodiscard]] std::uint64_t serial() const noexcept { return serial_; }

  /// The leader has been born: another guardian is to be told of it by the host. `pidfd` lives as
  /// long as this.
  void born(pid_t leader, int pidfd);

  /// The group has no member any more.
  void gone() noexcept;

 private:
  const std::uint64_t owner_;
  std::uint64_t serial_ = 0;
  UniqueFd way_;
};

/// Whether process groups are guarded now, or would be.
[[nodiscard]] Guarantee process_group_guarantee();

/// Hands `name` in `parent` over, to be killed and removed. False when there is no guardian.
bool leave_to_guardian(const CgroupDir& parent, const std::string& name) noexcept;

/// The guardian's number, where one lives that is ours.
[[nodiscard]] std::optional<pid_t> guardian_pid();

/// What a guardian would promise here. Starts nothing.
[[nodiscard]] Guarantee guardian_guarantee(GuardianPolicy policy);

}  // namespace treehold::inline v0::platform
