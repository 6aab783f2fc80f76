// A message over a Unix socket with the descriptors it passes (SCM_RIGHTS, unix(7)). Makes no call
// of libc's, so that the helper program can have it, too. Always inlined where a child shares the
// host's memory, for the reason in raw_syscall.hpp.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>

namespace treehold::inline v0::platform {

class DescriptorMessage {
 public:
  static constexpr std::size_t capacity = 2;  ///< in descriptors

  /// To be sent or received: `body`, which outlives this, with room for descriptors.
  template <class Body>
  [[gnu::always_inline]] explicit DescriptorMessage(Body& body) : data_{&body, sizeof body} {
    header_.msg_iov = &data_;
    header_.msg_iovlen = 1;
    header_.msg_control = space_;
    header_.msg_controllen = sizeof space_;
  }
  ~DescriptorMessage() = default;
  DescriptorMessage(const DescriptorMessage&) = delete;
  DescriptorMessage& operator=(const DescriptorMessage&) = delete;

  /// Has these, and no others, passed with it; not more than `capacity`.
  [[gnu::always_inline]] void pass(const int* descriptors, std::size_t count) {
    if (count == 0) {
      header_.msg_control = nullptr;
      header_.msg_controllen = 0;
      return;
    }
    header_.msg_controllen = CMSG_SPACE(count * sizeof(int));
    cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof(int));
    for (std::size_t i = 0; i < count; ++i) {
      reinterpret_cast<int*>(CMSG_DATA(rights))[i] = descriptors[i];
    }
  }

  /// The descriptor at `index` of those that came with it; -1 when there is none.
  [[nodiscard]] int passed(std::size_t index) const {
    const cmsghdr* const rights = CMSG_FIRSTHDR(&header_);
    if (rights == nullptr || rights->cmsg_type != SCM_RIGHTS ||
        index >= (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int)) {
      return -1;
    }
    return reinterpret_cast<const int*>(CMSG_DATA(rights))[index];
  }

  /// For sendmsg(2) and recvmsg(2).
  [[nodiscard, gnu::always_inline]] msghdr* header() { return &header_; }

 private:
  iovec data_;
  msghdr header_{};
  alignas(cmsghdr) char space_[CMSG_SPACE(capacity * sizeof(int))] = {};
};

}  // namespace treehold::inline v0::platform
