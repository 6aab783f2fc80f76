// What the roles of POSIX systems share.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <functional>

#include "plain_roles.hpp"

namespace support {

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
