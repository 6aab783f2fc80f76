// How the helper program hands over a child that it had born in a leaf: as a child of the host, by
// number and pidfd. See order.hpp for the message.
#pragma once

#include <sys/types.h>

#include <cstddef>

#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

class DescriptorMessage;

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

/// Waits until the helper has read enough for more to be sent, as long as a living one may take on
/// a starved machine. False, with errno, then.
[[nodiscard]] bool wait_until_writable(int socket);

/// Waits for `message`, of `size` bytes, just as long. False, with errno, when none comes:
/// ETIMEDOUT, or EPIPE when the helper has ended without a word.
[[nodiscard]] bool receive(int socket, DescriptorMessage& message, std::size_t size);

/// What the helper tells of the child; waits and fails like `receive`.
[[nodiscard]] HandedOver receive_birth(const UniqueFd& host);

}  // namespace treehold::inline v0::platform
