// How the helper hands over what it had born: see order.hpp.
#pragma once

#include "../descriptor_message.hpp"
#include "../order.hpp"
#include "../raw_syscall.hpp"

namespace treehold::inline v0::platform {

/// `child`: what the clone said; `pidfd`: what it wrote there.
inline void tell_birth(int socket, long child, int pidfd) {
  AgentBirth birth;
  birth.pid = child > 0 ? static_cast<std::int32_t>(child) : -1;
  birth.error = child > 0 ? 0 : static_cast<std::int32_t>(-child);
  DescriptorMessage message(birth);
  // A clone that failed may have written a number all the same (Linux 6.1).
  message.pass(&pidfd, child > 0 ? 1 : 0);
  raw_syscall(__NR_sendmsg, socket, raw_syscall_of(message.header()), MSG_NOSIGNAL);
}

}  // namespace treehold::inline v0::platform
