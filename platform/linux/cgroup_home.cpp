#include "platform/linux/cgroup_home.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <sstream>
#include <string_view>
#include <vector>

#include <treehold/error.hpp>

#include "platform/linux/kernel.hpp"
#include "platform/platform.hpp"
#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

std::string reason(int error) {
  return boost::system::system_category().message(error);
}

/// Own cgroup in the v2 hierarchy (the line "0::" of proc(5)); /proc/thread-self, since /proc/self
/// breaks when the main thread has ended.
std::optional<std::string> own_cgroup() {
  const auto text = read_file("/proc/thread-self/cgroup");
  if (!text) {
    return std::nullopt;
  }
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("0::", 0) == 0) {
      return line.substr(3);
    }
  }
  return std::nullopt;
}

/// mountinfo writes blanks and backslashes in octal.
std::string unescape_octal(std::string_view text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      result += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                  (text[i + 3] - '0'));
      i += 3;
    } else {
      result += text[i];
    }
  }
  return result;
}

struct CgroupMount {
  std::string root;  ///< the group that the mount shows at its top
  std::string point;
};

/// The mount of cgroup v2 (mountinfo in proc(5)); the last one wins, since it may hide the others.
std::optional<CgroupMount> find_mount() {
  const auto text = read_file("/proc/thread-self/mountinfo");
  if (!text) {
    return std::nullopt;
  }
  std::optional<CgroupMount> found;
  std::istringstream lines(*text);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t separator = line.find(" - ");
    if (separator == std::string::npos || line.compare(separator + 3, 8, "cgroup2 ") != 0) {
      continue;
    }
    std::istringstream fields(line);
    std::string id;
    std::string parent;
    std::string device;
    CgroupMount mount;
    fields >> id >> parent >> device >> mount.root >> mount.point;
    mount.root = unescape_octal(mount.root);
    mount.point = unescape_octal(mount.point);
    found = mount;
  }
  return found;
}

/// `path` below the mount's own root; nothing when it lies outside of what the mount shows.
std::optional<std::string> below(const std::string& root, const std::string& path) {
  if (root == "/") {
    return path == "/" ? "" : path;
  }
  if (path == root) {
    return "";
  }
  if (path.rfind(root + "/", 0) == 0) {
    return path.substr(root.size());
  }
  return std::nullopt;
}

/// Empty when this process may make groups in `directory` and place children there, the problem
/// otherwise.
std::string problem_with(const std::string& directory) {
  if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return directory + ": " + reason(errno);
  }
  const std::string procs = directory + "/cgroup.procs";
  if (::faccessat(AT_FDCWD, procs.c_str(), W_OK, AT_EACCESS) != 0) {
    return procs + ": " + reason(errno);
  }
  const auto type = read_file(directory + "/cgroup.type");  // the root has none
  if (type && type->rfind("domain", 0) != 0) {
    return directory + "/cgroup.type: a threaded group cannot hold groups of processes";
  }
  if (type && *type == "domain invalid\n") {
    return directory + "/cgroup.type: the group is below a threaded one";
  }
  return {};
}

std::string random_name() {
  std::uint64_t number = 0;
  while (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
  }
  static constexpr char digits[] = "0123456789abcdef";
  std::string name = "treehold-";
  for (int i = 0; i < 16; ++i) {
    name += digits[number & 15];
    number >>= 4;
  }
  return name;
}

}  // namespace

CgroupPlace find_cgroup_place() {
  CgroupPlace place;
  if (!kernel_is_at_least(5, 14)) {
    place.problem = "the kernel is " + kernel_release() + "; cgroup.kill needs 5.14";
    place.remedy = "run Linux 5.14 or newer";
    return place;
  }
  const std::optional<CgroupMount> mount = find_mount();
  if (!mount) {
    place.problem = "no cgroup v2 hierarchy is mounted";
    place.remedy = "mount it: mount -t cgroup2 none /sys/fs/cgroup";
    return place;
  }
  const std::optional<std::string> own = own_cgroup();
  std::optional<std::string> path = own ? below(mount->root, *own) : std::nullopt;
  if (!path) {
    place.problem =
        "the own cgroup " + own.value_or("?") + " is outside of the mount at " + mount->point;
    place.remedy = "mount cgroup2 inside the container's own cgroup namespace";
    return place;
  }
  for (;;) {
    const std::string directory = mount->point + *path;
    std::string problem = problem_with(directory);
    if (problem.empty()) {
      place.directory = directory;
      place.kernel_path = (mount->root == "/" ? "" : mount->root) + *path;
      place.problem.clear();
      place.remedy.clear();
      return place;
    }
    if (place.problem.empty()) {
      place.problem = std::move(problem);
      place.remedy =
          "delegate the cgroup: Delegate=yes in the unit, systemd-run --user --scope -p "
          "Delegate=yes, "
          "or a writable cgroup mount in the container";
    }
    if (path->empty()) {
      return place;
    }
    path->resize(path->rfind('/'));
  }
}

Umbrella::Umbrella(const CgroupPlace& place)
    : owner_(incarnation()),
      place_path_(place.directory),
      place_(CgroupDir::open(place.directory)) {
  // Asked before anything is made, since it throws when the name is wrong.
  const std::optional<SpawnWay> forced = forced_spawn_way();
  const auto unavailable = [&](const std::string& path) {
    return Unsupported("mechanism cgroup_v2", path + ": " + reason(errno));
  };
  if (!place_) {
    throw unavailable(place.directory);
  }
  // A sweeper may take the directory between mkdir and lock, since nobody owns it then: make
  // another.
  for (int attempt = 0; !directory_; ++attempt) {
    name_ = random_name();
    directory_ = place_.make_child(name_);
    if (!directory_ || ::flock(directory_.fd(), LOCK_EX | LOCK_NB) != 0 ||
        !(plain_ = directory_.make_child("plain"))) {
      constexpr int attempts = 8;
      const int error = errno;
      directory_ = CgroupDir();
      place_.remove_child(name_);
      if (attempt == attempts) {
        errno = error;
        throw unavailable(place.directory + "/" + name_);
      }
    }
  }
  plain_.keep_spare_descriptor();
  kernel_path_ = place.kernel_path + "/" + name_;
  // For people who wonder whose it is; nothing is decided by it.
  const std::string note = "pid " + std::to_string(::getpid());
  (void)::fsetxattr(directory_.fd(), "user.treehold", note.data(), note.size(), 0);
  spawn_way_ = forced ? *forced : can_be_born_in(plain_) ? SpawnWay::direct : SpawnWay::helper;
}

Umbrella::~Umbrella() {
  if (owner_ == incarnation()) {
    // Only what is empty goes: groups remove themselves, and those that could not be ended stay.
    const auto events = plain_.events();
    if (events && !events->populated) {
      place_.remove_child(name_);
    }
  }
}

std::string Umbrella::next_group_name() {
  return "g" + std::to_string(++groups_);
}

std::shared_ptr<Umbrella> Umbrella::current() {
  static std::mutex mutex;
  static std::shared_ptr<Umbrella> umbrella;
  const std::lock_guard lock(mutex);
  const CgroupPlace place = find_cgroup_place();
  if (place.directory.empty()) {
    throw Unsupported("mechanism cgroup_v2", place.problem);
  }
  if (!umbrella || umbrella->owner_ != incarnation() || umbrella->place_path_ != place.directory) {
    umbrella = std::make_shared<Umbrella>(place);
  }
  return umbrella;
}

}  // namespace treehold::inline v0::platform
