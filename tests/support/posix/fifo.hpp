// A FIFO by which tests and the programs they run wait for each other.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "support.hpp"

namespace support {

/// Open for reading and writing here, so that nobody waits for an other end or sees one go.
class Fifo {
 public:
  Fifo() {
    ::mkfifo(path().c_str(), 0600);
    fd_ = ::open(path().c_str(), O_RDWR | O_CLOEXEC);
  }
  Fifo(const Fifo&) = delete;
  Fifo& operator=(const Fifo&) = delete;
  ~Fifo() { ::close(fd_); }

  [[nodiscard]] std::string path() const { return directory_ / "fifo"; }

  /// A byte that is in it within the hang bound.
  [[nodiscard]] std::optional<char> read() const {
    pollfd ready{fd_, POLLIN, 0};
    const auto bound = std::chrono::duration_cast<std::chrono::milliseconds>(hang_bound);
    char byte = 0;
    if (::poll(&ready, 1, static_cast<int>(bound.count())) == 1 && ::read(fd_, &byte, 1) == 1) {
      return byte;
    }
    return std::nullopt;
  }

  [[nodiscard]] bool write(std::string_view bytes) const {
    return ::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  }

 private:
  TempDir directory_;
  int fd_ = -1;
};

}  // namespace support
