// What the roles tell on macOS; it has none of its own.
#include "roles.hpp"

#include <crt_externs.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/param.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <sstream>

#include "host.hpp"
#include "support.hpp"

namespace support {
namespace {

/// As Linux shows sets of signals: signal 1 is the lowest bit.
std::string hexadecimal(const sigset_t& set) {
  std::uint64_t bits = 0;
  for (int number = 1; number < NSIG; ++number) {
    bits |= sigismember(&set, number) == 1 ? std::uint64_t{1} << (number - 1) : 0;
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(bits));
  return text;
}

sigset_t ignored_signals() {
  sigset_t ignored;
  sigemptyset(&ignored);
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
      sigaddset(&ignored, number);
    }
  }
  return ignored;
}

}  // namespace

std::map<std::string, Role> system_roles() {
  return {};
}

std::map<std::string, Scenario> system_scenarios() {
  return {};
}

std::string system_report() {
  std::ostringstream text;
  text << "fds=";
  const char* blank = "";
  for (const auto& [fd, path] : open_descriptors()) {
    text << blank << fd;
    blank = " ";
  }
  // The saved numbers are not to be read; those that could be regained would be.
  text << "\nuid=" << ::getuid() << ' ' << ::geteuid() << ' ' << ::geteuid();
  text << "\ngid=" << ::getgid() << ' ' << ::getegid() << ' ' << ::getegid();
  sigset_t blocked;
  sigset_t pending;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
  ::sigpending(&pending);
  text << "\nblocked=" << hexadecimal(blocked) << "\nignored=" << hexadecimal(ignored_signals())
       << "\npending=" << hexadecimal(pending) << '\n';
  for (const int fd : {0, 1, 2}) {
    char path[MAXPATHLEN] = "";
    text << "fd" << fd << '=' << (::fcntl(fd, F_GETPATH, path) == 0 ? path : "") << '\n';
  }
  char*** const arguments = ::_NSGetArgv();
  text << "arg0=" << (*arguments)[0] << '\n';
  return text.str();
}

}  // namespace support
