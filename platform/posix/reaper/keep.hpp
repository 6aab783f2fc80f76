// What a keeper does: it holds the tree of one start together, and tells how its leader ended.
//
// It is a fork of the host, and never becomes a program. It bears the leader; as a reaper it
// becomes the parent of every orphan below it, so that neither setsid(2) nor a double fork leads
// out of its tree, and when it has no child any more the tree is empty. It ends the tree when the
// host asks for that by closing its sending half of the socket, and when the host has gone,
// whatever ended it. It takes no signal but SIGKILL and SIGSTOP.
//
// Only what is safe in a signal handler happens here, since the host's other threads are gone, but
// for the fork, at which the handlers of pthread_atfork(3) run once more.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "platform/posix/portable/become.hpp"

namespace treehold::inline v0::platform {

/// What a keeper has of the host. It closes all else.
struct Keeping {
  int socket = -1;        ///< the keeper's end
  int hosts_socket = -1;  ///< the other one
  pid_t host = -1;
};

// Over the socket the host sends a byte once it holds the keeper, the keeper a KeeperBirth, the
// host another byte once it holds the leader, too: neither is reaped before, so that their numbers
// are theirs. Then the keeper sends KeeperNews, and the host nothing but the end.

/// Whether the leader was born.
struct KeeperBirth {
  std::int32_t leader = -1;
  std::int32_t error = 0;  ///< errno where it was not
};

[[noreturn]] void keep(const Keeping& self, const Becoming& leader) noexcept;

}  // namespace treehold::inline v0::platform
