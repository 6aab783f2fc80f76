// How the helper hands over what it had born: see order.hpp.
#pragma once

#include <sys/socket.h>

#include "../order.hpp"
#include "../raw_syscall.hpp"

namespace treehold::inline v0::platform {

/// `pidfd`: negative when nothing was born.
inline void tell_birth(int socket, AgentBirth birth, int pidfd) {
  iovec data{&birth, sizeof birth};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  if (pidfd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof pidfd);
    *reinterpret_cast<int*>(CMSG_DATA(header)) = pidfd;
  }
  raw_syscall(__NR_sendmsg, socket, raw_syscall_of(&message), MSG_NOSIGNAL);
}

}  // namespace treehold::inline v0::platform
