#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include <treehold/error.hpp>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/cgroup_places.hpp"
#include "platform/linux/controllers.hpp"
#include "platform/linux/guardian.hpp"
#include "platform/linux/hierarchy.hpp"
#include "platform/platform.hpp"
#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

/// The own cgroup as one to move out of.
struct Room {
  std::string path;  ///< of the group with the leaf in it
  CgroupDir directory;
  std::vector<pid_t> movers;  ///< this process, and its guardian where it sits here, too
  std::string needless;       ///< why nothing has to be moved
  std::string problem;        ///< why nothing can be moved
};

Room look_around() {
  Room room;
  const std::optional<OwnCgroup> own = own_unified_cgroup();
  const std::optional<std::string> place = own ? own->directory() : std::nullopt;
  if (!place) {
    room.problem = "the own cgroup is in no cgroup v2 hierarchy that is mounted here";
    return room;
  }
  room.path = *place;
  if (own->path == "/") {
    room.needless = "the root may give controllers to its groups whatever it holds";
  } else if (own->path.substr(own->path.rfind('/') + 1) == host_leaf) {
    room.needless = "the host is in " + *place;
    room.path.resize(room.path.rfind('/'));
  }
  if (!room.needless.empty()) {
    return room;
  }
  room.directory = CgroupDir::open(*place);
  if (!room.directory) {
    room.problem = *place + ": " + last_error().message();
    return room;
  }
  const std::optional<pid_t> guardian = guardian_pid();
  std::istringstream members(room.directory.read("cgroup.procs").value_or(""));
  for (pid_t member = 0; members >> member;) {
    if (member != ::getpid() && member != guardian) {
      room.problem = *place + "/cgroup.procs: holds other processes, too";
    }
    room.movers.push_back(member);
  }
  return room;
}

}  // namespace

void move_host_into_leaf() {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto refused = [](const std::string& reason) {
    return Unsupported("moving the host into a group of its own", reason);
  };
  const Room room = look_around();
  if (!room.needless.empty()) {
    return;
  }
  if (!room.problem.empty()) {
    throw refused(room.problem);
  }
  CgroupDir into = room.directory.open_child(host_leaf);
  if (!into) {
    into = room.directory.make_child(host_leaf);
  }
  for (const pid_t mover : room.movers) {
    if (!into || !into.write("cgroup.procs", std::to_string(mover).c_str())) {
      const std::string reason = last_error().message();
      room.directory.remove_child(host_leaf);
      throw refused(room.path + "/" + host_leaf + ": " + reason);
    }
  }
}

Guarantee leaf_guarantee() {
  const Room room = look_around();
  if (!room.problem.empty()) {
    return {false, room.problem, ""};
  }
  if (const std::optional<Obstacle> problem = problem_with_place(room.path)) {
    return {false, problem->text(), problem->remedy};
  }
  const auto listed = read_file(room.path + "/cgroup.controllers").value_or("");
  if (std::none_of(limit_controllers().begin(), limit_controllers().end(),
                   [&](const auto& limit) { return lists(listed, limit.controller); })) {
    return {false, room.path + "/cgroup.controllers: lists none that limits", ""};
  }
  return {true, room.needless.empty() ? room.path + " holds no other process" : room.needless, ""};
}

}  // namespace treehold::inline v0::platform
