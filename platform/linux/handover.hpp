// How the helper program hands over a child that it had born in a leaf: as a child of the host, by
// number and pidfd. See order.hpp for the message.
#pragma once

#include <sys/types.h>

#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

struct Handover {
  UniqueFd host;
  UniqueFd helper;
};

/// Invalid, with errno, when it cannot be made.
[[nodiscard]] Handover make_handover();

/// What was handed over.
struct HandedOver {
  pid_t pid = -1;  ///< -1: no child was born; errno tells why
  UniqueFd pidfd;  ///< invalid, with errno, when this process may have no more descriptors
};

/// Waits as long as a living helper may take on a starved machine; false, with errno, then.
[[nodiscard]] bool wait_until_readable(int descriptor);

/// Waits for it as long as a living helper may take on a starved machine; ETIMEDOUT then, EPIPE
/// when the helper has ended without a word.
[[nodiscard]] HandedOver receive(const UniqueFd& host);

}  // namespace treehold::inline v0::platform
