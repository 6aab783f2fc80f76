#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <string>

#include <treehold/error.hpp>

#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/cgroup_home.hpp"
#include "platform/linux/hierarchy.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

void move_host_into_leaf() {
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto refused = [](const std::string& reason) {
    return Unsupported("moving the host into a group of its own", reason);
  };
  const std::optional<OwnCgroup> own = own_unified_cgroup();
  const std::optional<std::string> place = own ? own->directory() : std::nullopt;
  if (!place) {
    throw refused("the own cgroup is in no cgroup v2 hierarchy that is mounted here");
  }
  if (own->path == "/" || own->path.substr(own->path.rfind('/') + 1) == host_leaf) {
    return;  // the root may give controllers to its groups whatever it holds
  }
  const CgroupDir directory = CgroupDir::open(*place);
  if (!directory) {
    throw refused(*place + ": " + last_error().message());
  }
  const std::optional<std::string> members = directory.read("cgroup.procs");
  if (!members || std::count(members->begin(), members->end(), '\n') != 1) {
    throw refused(*place + "/cgroup.procs: holds other processes, too");
  }
  CgroupDir into = directory.open_child(host_leaf);
  if (!into) {
    into = directory.make_child(host_leaf);
  }
  if (!into || !into.write("cgroup.procs", std::to_string(::getpid()).c_str())) {
    const std::string reason = last_error().message();
    directory.remove_child(host_leaf);
    throw refused(*place + "/" + host_leaf + ": " + reason);
  }
}

}  // namespace treehold::inline v0::platform
