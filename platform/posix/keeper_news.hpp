// What a keeper tells the host: when the leader has ended, and, as its last word, when the tree
// has.
//
// Of plain integers: it may be written by a program that has no libc.
#pragma once

#include <cstdint>

namespace treehold::inline v0::platform {

struct KeeperNews {
  std::uint8_t leader_ended = 0;
  std::uint8_t tree_ended = 0;
  std::uint8_t reserved[2] = {};
  // Of the leader, as waitid(2) tells it:
  std::int32_t how = 0;  ///< siginfo_t::si_code
  std::int32_t status = 0;
  std::uint32_t reserved2 = 0;
  std::int64_t user = 0;    ///< in microseconds
  std::int64_t system = 0;  ///< the same
  std::int64_t peak_kibibytes = 0;
};

}  // namespace treehold::inline v0::platform
