// Who belongs to the tree of a leader, where the kernel keeps nothing together but process groups:
// the group's members, and those who have left it, found by their descent.
//
// Who is found once is known from then on by number and birth, so that neither re-parenting nor a
// number given anew confuses it. Who left the group and whose parent had ended before any look is
// not found: that is where this ends, and the guarantees say so.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <mutex>
#include <set>
#include <utility>

#include "platform/posix/portable/system.hpp"
#include "platform/posix/process_census.hpp"

namespace treehold::inline v0::platform {

/// Thread safe.
class Lineage {
 public:
  /// Whether the leader's number is still its own, and with it that of the group.
  enum class Number { held, lost };

  /// All of the tree of `leader` in a table.
  [[nodiscard]] ProcessGroupCensus find(const ProcessTable& table, pid_t leader, Number number);

 private:
  using Identity = std::pair<pid_t, std::uint64_t>;

  std::mutex mutex_;
  std::set<Identity> known_;
  std::set<std::uint64_t> bearers_;  ///< births of all that were ever found
};

}  // namespace treehold::inline v0::platform
