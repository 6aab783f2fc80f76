// Ownership of a file descriptor.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include <boost/system/error_code.hpp>

namespace treehold::inline v0::platform {

/// Closes what it holds. Negative: holds nothing.
class UniqueFd {
 public:
  UniqueFd() noexcept = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] explicit operator bool() const noexcept { return fd_ >= 0; }

  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  void reset(int fd = -1) noexcept {
    const int old = std::exchange(fd_, fd);
    if (old >= 0) {
      const int saved = errno;
      ::close(old);
      errno = saved;
    }
  }

 private:
  int fd_ = -1;
};

/// The error that `errno` names now.
[[nodiscard]] inline boost::system::error_code last_error() noexcept {
  return {errno, boost::system::system_category()};
}

/// Moves a descriptor above the three standard ones: in a host that has closed those, a new
/// descriptor lands there and would be overwritten when a child is wired. Empty, with errno, when
/// that fails.
[[nodiscard]] inline UniqueFd above_standard(UniqueFd fd) noexcept {
  if (!fd || fd.get() > 2) {
    return fd;
  }
  return UniqueFd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3));
}

}  // namespace treehold::inline v0::platform
