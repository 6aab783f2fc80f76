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
#include <vector>

#include "platform/platform.hpp"
#include "platform/posix/process_census.hpp"

namespace treehold::inline v0::platform {

std::string kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? name.release : "";
}

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environment_block(); variable != nullptr && *variable != nullptr;
       ++variable) {
    variables.emplace_back(*variable);
  }
  return variables;
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::string_view default_search_path() noexcept {
  return "/usr/local/bin:/usr/bin:/bin";
}

Executability executability(const std::string& path) noexcept {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return errno == EACCES ? Executability::forbidden : Executability::missing;
  }
  if (!S_ISREG(status.st_mode) || ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) != 0) {
    return Executability::forbidden;
  }
  return Executability::executable;
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

std::optional<std::size_t> read_now(boost::asio::readable_pipe& pipe, char* buffer,
                                    std::size_t size) noexcept {
  const ssize_t count =
      ::read(pipe.native_handle(), buffer, size);  // Asio has made it non-blocking
  return count >= 0 ? std::optional(static_cast<std::size_t>(count)) : std::nullopt;
}

std::optional<ProcessInfo> inspect(ProcessId pid) {
  const auto record = read_process(static_cast<pid_t>(pid));
  if (!record) {
    return std::nullopt;
  }
  return ProcessInfo{pid, record->parent, record->name};
}

}  // namespace treehold::inline v0::platform
