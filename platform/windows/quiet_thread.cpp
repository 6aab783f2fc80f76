#include <utility>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

// There are no signal handlers that could run in it.
std::thread quiet_thread(std::function<void()> body) {
  return std::thread(std::move(body));
}

}  // namespace treehold::inline v0::platform
