// What the roles of all systems share.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace support {

using Words = std::vector<std::string>;

inline std::string word(const Words& words, std::size_t index, const std::string& otherwise = "") {
  return index < words.size() ? words[index] : otherwise;
}

inline std::size_t number(const Words& words, std::size_t index, std::size_t otherwise = 0) {
  return index < words.size() ? std::stoull(words[index]) : otherwise;
}

inline void put(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      ::_exit(99);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

inline void say(const std::string& line) {
  put(1, line + "\n");
}

[[noreturn]] inline void rest() {
  for (;;) {
    ::pause();
  }
}

inline void to_null(int fd) {
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, fd);
  if (null > 2) {
    ::close(null);
  }
}

inline void let_go_of_streams() {
  to_null(0);
  to_null(1);
  to_null(2);
}

/// A pipe that no program executed by us gets.
inline int pipe_for_us(int (&ends)[2]) {
  return ::pipe(ends) == 0 && ::fcntl(ends[0], F_SETFD, FD_CLOEXEC) == 0
             ? ::fcntl(ends[1], F_SETFD, FD_CLOEXEC)
             : -1;
}

/// Forks a child that runs `body`, and returns its number once it has called the function it is
/// given.
inline pid_t fork_ready(const std::function<void(const std::function<void()>& ready)>& body) {
  int ends[2];
  if (pipe_for_us(ends) != 0) {
    ::_exit(98);
  }
  const pid_t child = ::fork();
  if (child < 0) {
    ::_exit(97);
  }
  if (child == 0) {
    ::close(ends[0]);
    body([&] {
      put(ends[1], "r");
      ::close(ends[1]);
    });
    ::_exit(0);
  }
  ::close(ends[1]);
  char byte = 0;
  while (::read(ends[0], &byte, 1) < 0 && errno == EINTR) {
  }
  ::close(ends[0]);
  return child;
}

}  // namespace support
