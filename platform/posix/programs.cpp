// What makes a program on POSIX systems: where it is found, what it is given, how it may end.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "platform/platform.hpp"
#include "platform/posix/host.hpp"
#include "src/plan.hpp"

namespace treehold::inline v0::platform {

std::vector<std::string> environment() {
  char** const first = environment_block();
  char** last = first;
  while (last != nullptr && *last != nullptr) {
    ++last;
  }
  return {first, last};
}

std::optional<std::string> environment_variable(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr ? std::optional<std::string>(value) : std::nullopt;
}

std::string variable_key(std::string_view name) {
  return std::string(name);
}

std::string default_search_path() {
  return "/usr/local/bin:/usr/bin:/bin";
}

char search_path_separator() noexcept {
  return ':';
}

std::vector<std::string> program_files(const std::string& path) {
  return {path};
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

void require_supported(const SpawnPlan& plan) {
  if (plan.create_no_window) {
    throw Unsupported("create_no_window", "it is of Windows");
  }
  if (plan.new_process_group) {
    throw Unsupported("new_process_group", "it is of Windows: elsewhere see new_session");
  }
}

bool is_exit_code(int code) noexcept {
  constexpr int most = 255;  // what wait(2) keeps of it
  return code >= 0 && code <= most;
}

}  // namespace treehold::inline v0::platform
