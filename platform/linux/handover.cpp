#include "platform/linux/handover.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "platform/linux/order.hpp"

namespace treehold::inline v0::platform {
namespace {

/// Only ever catches a helper that somebody has stopped.
constexpr std::chrono::milliseconds patience = std::chrono::seconds(20);

}  // namespace

bool wait_until_readable(int descriptor) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{descriptor, POLLIN, 0};
    const int ready = ::poll(&readable, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
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

Handover make_handover() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return {};
  }
  Handover handover{UniqueFd(ends[0]), UniqueFd(ends[1])};
  handover.helper = above_standard(std::move(handover.helper));
  return handover;
}

HandedOver receive(const UniqueFd& host) {
  AgentBirth birth;
  iovec data{&birth, sizeof birth};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = -1;
  do {
    if (!wait_until_readable(host.get())) {
      return {};
    }
    size = ::recvmsg(host.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  } while (size < 0 && (errno == EINTR || errno == EAGAIN));
  if (size != sizeof birth) {
    errno = size < 0 ? errno : EPIPE;
    return {};
  }
  if (birth.pid < 0) {
    errno = birth.error;
    return {};
  }
  HandedOver child{birth.pid, {}};
  const cmsghdr* const header = CMSG_FIRSTHDR(&message);
  if (header != nullptr && header->cmsg_type == SCM_RIGHTS) {
    int pidfd = -1;
    std::memcpy(&pidfd, CMSG_DATA(header), sizeof pidfd);
    child.pidfd = UniqueFd(pidfd);
  } else {
    errno = EMFILE;
  }
  return child;
}

}  // namespace treehold::inline v0::platform
