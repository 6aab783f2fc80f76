#include "platform/linux/sweep.hpp"

#include <sys/file.h>

#include <chrono>
#include <string>
#include <thread>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/guardian.hpp"
#include "platform/linux/hybrid_controllers.hpp"

namespace treehold::inline v0::platform {
namespace {

/// False when it takes longer than a moment.
bool end(const CgroupDir& place, const CgroupDir& stale, const std::string& name) {
  using namespace std::chrono_literals;
  constexpr auto moment = 250ms;
  const auto deadline = std::chrono::steady_clock::now() + moment;
  for (;;) {
    stale.write("cgroup.kill", "1");
    if (place.remove_child(name)) {
      return true;
    }
    if (std::chrono::steady_clock::now() > deadline) {
      return false;
    }
    std::this_thread::sleep_for(1ms);
  }
}

}  // namespace

bool is_umbrella_name(std::string_view name) {
  constexpr std::string_view prefix = "treehold-";
  constexpr std::size_t digits = 16;
  return name.size() == prefix.size() + digits && name.substr(0, prefix.size()) == prefix &&
         name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
}

void sweep(const CgroupDir& place) {
  for (const std::string& name : place.children()) {
    if (!is_umbrella_name(name)) {
      continue;
    }
    const CgroupDir stale = place.open_child(name);
    if (!stale || ::flock(stale.fd(), LOCK_EX | LOCK_NB) != 0) {
      continue;
    }
    if (!end(place, stale, name)) {
      (void)leave_to_guardian(place, name);
      continue;
    }
    for (const Controller controller : {Controller::memory, Controller::pids, Controller::cpu}) {
      const std::string beside = hybrid_place(controller);
      const CgroupDir older = beside.empty() ? CgroupDir() : CgroupDir::open(beside);
      if (older) {
        (void)older.remove_child(name);
      }
    }
  }
}

}  // namespace treehold::inline v0::platform
