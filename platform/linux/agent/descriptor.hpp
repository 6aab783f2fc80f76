// A descriptor of the helper's that is closed in the end.
#pragma once

#include "../raw_syscall.hpp"

namespace treehold::inline v0::platform::agent {

class Descriptor {
 public:
  explicit Descriptor(long fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) {
      raw_syscall(__NR_close, fd_);
    }
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] long get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }

 private:
  long fd_;
};

}  // namespace treehold::inline v0::platform::agent
