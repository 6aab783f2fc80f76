#include "platform/posix/reaper/keep.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <optional>

#include "platform/posix/keeper_news.hpp"
#include "platform/posix/portable/system.hpp"
#include "platform/posix/reaper/descendants.hpp"
#include "platform/posix/system.hpp"

namespace treehold::inline v0::platform {
namespace {

/// What a keeper has, by this number, beside the notice of the host's end.
constexpr int control = 0;

/// What stays blocked while it is waited.
sigset_t all_but_ends;

extern "C" void hear_of_an_end(int /*signal*/) {}

/// An end of a child interrupts a wait. Where the host ignores SIGCHLD so would we, and the kernel
/// would reap.
void hear_of_ends() noexcept {
  struct sigaction action {};
  action.sa_handler = hear_of_an_end;
  action.sa_flags = SA_NOCLDSTOP;
  ::sigaction(SIGCHLD, &action, nullptr);
  sigfillset(&all_but_ends);
  sigdelset(&all_but_ends, SIGCHLD);
}

template <class Message>
void tell(int socket, const Message& message) noexcept {
  (void)::send(socket, &message, sizeof message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/// The leader, which has ended and is not reaped before the host can know.
void tell_of_leader(pid_t leader) noexcept {
  siginfo_t info;
  std::optional<ResourceUse> use;
  KeeperNews news;
  if (wait_for_exit({.pid = leader}, WNOWAIT, info, &use) && info.si_pid == leader) {
    using std::chrono::duration_cast;
    using std::chrono::microseconds;
    news.leader_ended = 1;
    news.how = info.si_code;
    news.status = info.si_status;
    news.user = duration_cast<microseconds>(use->user).count();
    news.system = duration_cast<microseconds>(use->system).count();
    news.peak_kibibytes = static_cast<std::int64_t>(use->peak_resident_bytes / 1024);
    tell(control, news);
  }
}

/// Takes what children have ended. False when there is no child any more. `leader` is -1 from its
/// end on: an orphan may get its number.
bool reap_children(pid_t& leader) noexcept {
  for (;;) {
    siginfo_t info{};
    if (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
      return errno != ECHILD;
    }
    if (info.si_pid == 0) {
      return true;
    }
    if (info.si_pid == leader) {
      tell_of_leader(leader);
      leader = -1;
    }
    (void)::waitpid(info.si_pid, nullptr, 0);
  }
}

/// What it is waited for.
struct Notices {
  int socket;
  int host_end;
  pid_t host;
};

/// Waits for an end of a child, or for the host: false when it says something, or has gone.
bool wait_for_end(const Notices& from) noexcept {
  pollfd notices[2] = {{from.socket, POLLIN, 0}, {from.host_end, POLLIN, 0}};
  return ::ppoll(notices, 2, nullptr, &all_but_ends) <= 0 && ::getppid() == from.host;
}

/// Waits until the host says that it holds who was born. False when it has gone, or wants no more.
bool is_held(int socket, pid_t host) noexcept {
  const UniqueFd host_end = open_end_notice(host);
  while (wait_for_end({socket, host_end.get(), host})) {
  }
  char byte = 0;
  return ::recv(socket, &byte, sizeof byte, MSG_DONTWAIT) == 1;
}

[[noreturn]] void keep_together(pid_t host, pid_t leader) noexcept {
  bool ending = !is_held(control, host);
  const UniqueFd host_end = open_end_notice(host);
  constexpr std::chrono::nanoseconds shortest = std::chrono::microseconds(500);
  constexpr std::chrono::nanoseconds longest = std::chrono::milliseconds(100);
  std::chrono::nanoseconds pause = shortest;
  int looks_in_vain = 0;
  for (;;) {
    // Zombies that a tracer holds are nobody's to reap, and have ended all the same.
    constexpr int enough = 2;
    if (!reap_children(leader) || looks_in_vain >= enough) {
      KeeperNews last;
      last.tree_ended = 1;
      tell(control, last);
      ::_exit(0);
    }
    if (ending) {
      looks_in_vain = kill_descendants() == 0 ? looks_in_vain + 1 : 0;
      pause = std::min(pause * 2, longest);
      const timespec time{0, static_cast<long>(pause.count())};
      (void)::ppoll(nullptr, 0, &time, &all_but_ends);
    } else {
      ending = !wait_for_end({control, host_end.get(), host});
    }
  }
}

}  // namespace

void keep(const Keeping& self, const Becoming& program) noexcept {
  ::close(self.hosts_socket);
  hear_of_ends();
  if (!is_held(self.socket, self.host)) {
    ::_exit(0);
  }
  KeeperBirth birth;
  birth.error = static_cast<std::int32_t>(-adopt_orphans());
  if (birth.error == 0) {
    birth.leader = ::fork();
    if (birth.leader == 0) {
      become(program);
    }
    birth.error = birth.leader < 0 ? errno : 0;
  }
  tell(self.socket, birth);
  if (birth.leader < 0) {
    ::_exit(0);
  }
  // Not before: the leader stays in the host's session. A signal to the host's process group ends
  // both, and must not end who is to end the rest.
  (void)::setsid();
  (void)!::chdir("/");
  // Nothing else of the host's: whoever reads the program's output waits for the end.
  ::dup2(self.socket, control);
  ::close_range(control + 1, ~0U, 0);
  keep_together(self.host, birth.leader);
}

}  // namespace treehold::inline v0::platform
