#include "platform/linux/handover.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <utility>

#include "platform/linux/descriptor_message.hpp"
#include "platform/linux/order.hpp"

namespace treehold::inline v0::platform {
namespace {

/// Only ever catches a helper that somebody has stopped.
constexpr std::chrono::milliseconds patience = std::chrono::seconds(20);

/// False, with errno, when it takes too long.
bool wait_for(int descriptor, short event) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd notice{descriptor, event, 0};
    const int ready = ::poll(&notice, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
    if (ready > 0) {
      return true;
    }
    if (ready == 0) {
      errno = ETIMEDOUT;
      return false;
    }
    if (errno != EINTR) {
      return false;
    }
  }
}

}  // namespace

Handover make_handover() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return {};
  }
  Handover handover{UniqueFd(ends[0]), UniqueFd(ends[1])};
  handover.helper = above_standard(std::move(handover.helper));
  return handover;
}

bool wait_until_writable(int socket) {
  return wait_for(socket, POLLOUT);
}

bool receive(int socket, DescriptorMessage& message, std::size_t size) {
  ssize_t received = -1;
  do {
    if (!wait_for(socket, POLLIN)) {
      return false;
    }
    received = ::recvmsg(socket, message.header(), MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (received < 0 && (errno == EINTR || errno == EAGAIN));
  if (received >= 0 && static_cast<std::size_t>(received) != size) {
    errno = EPIPE;
  }
  return received >= 0 && static_cast<std::size_t>(received) == size;
}

HandedOver receive_birth(const UniqueFd& host) {
  AgentBirth birth;
  DescriptorMessage message(birth);
  if (!receive(host.get(), message, sizeof birth)) {
    return {};
  }
  if (birth.pid < 0) {
    errno = birth.error;
    return {};
  }
  HandedOver child{birth.pid, UniqueFd(message.passed(0))};
  if (!child.pidfd) {
    errno = EMFILE;
  }
  return child;
}

}  // namespace treehold::inline v0::platform
