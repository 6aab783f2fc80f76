#include "platform/posix/write_quietly.hpp"

#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace treehold::inline v0::platform {

ssize_t write_quietly(int fd, std::string_view bytes) noexcept {
  // Both are directed at the writing thread (pipe(7), setrlimit(2)): they are held back and taken
  // here, unless one was pending before. FreeBSD directs SIGXFSZ at the process: in a host that has
  // limited the size of its files another thread may get it.
  sigset_t raised;
  sigset_t old;
  sigset_t pending;
  sigemptyset(&raised);
  sigaddset(&raised, SIGPIPE);
  sigaddset(&raised, SIGXFSZ);
  ::pthread_sigmask(SIG_BLOCK, &raised, &old);
  ::sigpending(&pending);
  const ssize_t count = ::write(fd, bytes.data(), bytes.size());
  const int error = errno;
  const int signal = error == EPIPE ? SIGPIPE : SIGXFSZ;
  if (count < 0 && (error == EPIPE || error == EFBIG) && sigismember(&pending, signal) != 1) {
    sigset_t taken;
    sigemptyset(&taken);
    sigaddset(&taken, signal);
    const timespec none{};
    while (::sigtimedwait(&taken, nullptr, &none) < 0 && errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &old, nullptr);
  errno = error;
  return count;
}

}  // namespace treehold::inline v0::platform
