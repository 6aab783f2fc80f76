// The guardian of this process: a small process that ends our groups when we are gone, whatever
// ended us. What it does is in agent/guardian.hpp.
//
// One serves all umbrellas of the process. It is started with the first, and again where it is
// found dead. The process that is the first of its PID namespace needs none: the kernel ends all
// others with it.
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include <treehold/guardian.hpp>
#include <treehold/mechanism.hpp>

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

/// Hands `name` in `parent` over, to be killed and removed. False when there is no guardian.
bool leave_to_guardian(const CgroupDir& parent, const std::string& name) noexcept;

/// The guardian's number, where one lives that is ours.
[[nodiscard]] std::optional<pid_t> guardian_pid();

/// What a guardian would promise here. Starts nothing.
[[nodiscard]] Guarantee guardian_guarantee(GuardianPolicy policy);

}  // namespace treehold::inline v0::platform
