#include "platform/posix/host.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <string>

#include "platform/platform.hpp"
#include "platform/posix/process_census.hpp"

namespace treehold::inline v0::platform {

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "";
}

std::optional<int> native_number(Signal signal) noexcept {
  switch (signal) {
    case Signal::hangup: return SIGHUP;
    case Signal::interrupt: return SIGINT;
    case Signal::quit: return SIGQUIT;
    case Signal::terminate: return SIGTERM;
    case Signal::kill: return SIGKILL;
    case Signal::user1: return SIGUSR1;
    case Signal::user2: return SIGUSR2;
    case Signal::alarm: return SIGALRM;
    case Signal::window_change: return SIGWINCH;
    case Signal::stop: return SIGSTOP;
    case Signal::resume: return SIGCONT;
    case Signal::native_signals: break;
  }
  const int number = static_cast<int>(signal) - static_cast<int>(Signal::native_signals);
  return number > 0 && number <= highest_signal() ? std::optional<int>(number) : std::nullopt;
}

std::optional<ProcessInfo> inspect(ProcessId pid) {
  const auto record = read_process(static_cast<pid_t>(pid));
  if (!record) {
    return std::nullopt;
  }
  return ProcessInfo{pid, record->parent, record->name};
}

}  // namespace treehold::inline v0::platform
