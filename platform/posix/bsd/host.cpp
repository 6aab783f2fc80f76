// What the host process is asked alike on macOS and on the BSDs.
#include "platform/posix/host.hpp"

#include <signal.h>

#include <cctype>
#include <string>

#include "platform/platform.hpp"
#include "platform/posix/pipe_size.hpp"

namespace treehold::inline v0::platform {

void widen_pipe(int /*pipe*/) noexcept {}  // the kernel widens pipes by itself

}  // namespace treehold::inline v0::platform

namespace treehold::inline v0 {

std::string signal_name(int native_number) {
  if (native_number < 1 || native_number >= NSIG) {
    return "signal " + std::to_string(native_number);
  }
  std::string name = "SIG";
  for (const char* letter = ::sys_signame[native_number]; *letter != '\0'; ++letter) {
    name += static_cast<char>(std::toupper(static_cast<unsigned char>(*letter)));
  }
  return name;
}

}  // namespace treehold::inline v0
