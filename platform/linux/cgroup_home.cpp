#include "platform/linux/cgroup_home.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <utility>
#include <vector>

#include <treehold/error.hpp>

#include "platform/linux/control_files.hpp"
#include "platform/linux/hierarchy.hpp"
#include "platform/linux/kernel.hpp"
#include "platform/linux/service_manager.hpp"
#include "platform/linux/sweep.hpp"
#include "platform/platform.hpp"
#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

namespace fs = std::filesystem;

/// What a service manager that runs here could do for a host without a place of its own.
std::string or_a_scope() {
  return problem_with_manager(ServiceManager::automatic)
             ? ""
             : ", or ask for a scope: treehold run --scope, treehold::move_host_into_scope()";
}

std::string delegate() {
  return "delegate the cgroup: Delegate=yes in the unit, systemd-run --user --scope -p "
         "Delegate=yes, or a writable cgroup mount in the container" +
         or_a_scope();
}

std::string delegate_subgroup() {
  return "start the host in a group of its own below: DelegateSubgroup=host in the unit (systemd "
         "254), or let it call treehold::move_host_into_leaf()" +
         or_a_scope();
}

/// Whether an ancestor of the own cgroup was handed to this process's user: it is no matter of
/// permissions for root, who would leave the own cgroup with what limits and ends it. The service
/// manager notes it in an attribute (systemd 251).
bool is_delegated(const std::string& directory) {
  char value = '0';
  for (const char* attribute : {"user.delegate", "trusted.delegate"}) {
    if (::getxattr(directory.c_str(), attribute, &value, 1) == 1 && value == '1') {
      return true;
    }
  }
  struct stat status {};
  return ::geteuid() != 0 && ::stat(directory.c_str(), &status) == 0 &&
         status.st_uid == ::geteuid();
}

/// Why groups in `directory` cannot be given `controllers`.
std::optional<Obstacle> problem_with(const std::string& directory,
                                     const ControllerSet& controllers) {
  const auto there = read_file(directory + "/cgroup.controllers");
  const auto given = read_file(directory + "/cgroup.subtree_control");
  for (const Controller controller : controllers) {
    if (lists(given.value_or(""), controller)) {
      continue;
    }
    const std::string name(to_string(controller));
    if (!lists(there.value_or(""), controller)) {
      return Obstacle{
          directory + "/cgroup.controllers",
          "does not have the controller " + name,
          {},
          own_v1_cgroup(controller == Controller::io ? "blkio" : name)
              ? "boot with a unified cgroup hierarchy: systemd.unified_cgroup_hierarchy=1"
              : "delegate it: Delegate=" + to_string(controllers) + " in the unit"};
    }
    const std::string switches = directory + "/cgroup.subtree_control";
    if (::faccessat(AT_FDCWD, switches.c_str(), W_OK, AT_EACCESS) != 0) {
      return Obstacle{switches, "", last_error(), delegate()};
    }
    const bool is_root = !read_file(directory + "/cgroup.type");
    if (!is_root && !read_file(directory + "/cgroup.procs").value_or("").empty()) {
      return Obstacle{directory + "/cgroup.procs",
                      "holds processes, so that no controller can be enabled below",
                      {},
                      delegate_subgroup()};
    }
  }
  return std::nullopt;
}

constexpr std::string_view name_prefix = "treehold-";
constexpr std::string_view name_digits = "0123456789abcdef";
constexpr std::size_t name_length = name_prefix.size() + 16;

}  // namespace

std::string random_name() {
  std::uint64_t number = 0;
  while (::getrandom(&number, sizeof number, 0) != static_cast<ssize_t>(sizeof number)) {
  }
  std::string name(name_prefix);
  while (name.size() < name_length) {
    name += name_digits[number % name_digits.size()];
    number /= name_digits.size();
  }
  return name;
}

bool is_random_name(std::string_view name) noexcept {
  return name.size() == name_length && name.substr(0, name_prefix.size()) == name_prefix &&
         name.find_first_not_of(name_digits, name_prefix.size()) == std::string_view::npos;
}

std::string Obstacle::text() const {
  std::string text = path;
  for (const std::string& part : {reason, error ? error.message() : std::string()}) {
    if (!part.empty()) {
      text += (text.empty() ? "" : ": ") + part;
    }
  }
  return text;
}

namespace {

std::string without_links(const std::string& path) {
  std::error_code ignored;
  const fs::path real = fs::weakly_canonical(path, ignored);
  return ignored ? path : real.string();
}

/// Looks at the directory `named`, or else for the delegation root.
CgroupPlace look_for_place(const ControllerSet& controllers, const std::string& named) {
  CgroupPlace place;
  if (!kernel_is_at_least(5, 14)) {
    place.obstacle.reason = "the kernel is " + kernel_release() + "; cgroup.kill needs 5.14";
    place.obstacle.remedy = "run Linux 5.14 or newer";
    return place;
  }
  const std::optional<OwnCgroup> own = own_unified_cgroup();
  if (!own || own->mount_point.empty()) {
    place.obstacle.reason = "no cgroup v2 hierarchy is mounted";
    place.obstacle.remedy = "mount it: mount -t cgroup2 none /sys/fs/cgroup";
    return place;
  }
  std::optional<std::string> path =
      named.empty() ? own->below_mount() : path_below(own->mount_point, without_links(named));
  if (!path) {
    place.obstacle.path = named.empty() ? own->path : named;
    place.obstacle.reason = "is outside of the cgroup v2 mount at " + own->mount_point;
    place.obstacle.remedy = named.empty()
                                ? "mount cgroup2 inside the container's own cgroup namespace"
                                : "name a directory below that";
    return place;
  }
  // A host that has moved into its leaf is at home one level higher.
  const bool moved = named.empty() && fs::path(*path).filename() == host_leaf;
  const std::string home = moved ? fs::path(*path).parent_path().string() : *path;
  bool first = true;
  for (;;) {
    const std::string directory = own->mount_point + *path;
    std::optional<Obstacle> problem = problem_with_place(directory);
    if (!problem && !first && !controllers.empty() && *path != home && !is_delegated(directory)) {
      problem = Obstacle{directory, "is not delegated to this user", {}, delegate()};
    }
    if (!problem && !controllers.empty()) {
      problem = problem_with(directory, controllers);
    }
    if (!problem) {
      place.directory = directory;
      place.kernel_path = (own->mount_root == "/" ? "" : own->mount_root) + *path;
      return place;
    }
    if (first) {
      place.obstacle = std::move(*problem);
      first = false;
    }
    if (path->empty() || !named.empty()) {
      return place;
    }
    path->resize(path->rfind('/'));
  }
}

}  // namespace

std::optional<Obstacle> problem_with_place(const std::string& directory) {
  if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
    return Obstacle{directory, "", last_error(), delegate()};
  }
  const std::string procs = directory + "/cgroup.procs";
  if (::faccessat(AT_FDCWD, procs.c_str(), W_OK, AT_EACCESS) != 0) {
    return Obstacle{procs, "", last_error(), delegate()};
  }
  const auto type = read_file(directory + "/cgroup.type");  // the root has none
  if (type && type->rfind("domain", 0) != 0) {
    return Obstacle{directory + "/cgroup.type",
                    "a threaded group cannot hold groups of processes",
                    {},
                    delegate()};
  }
  if (type && *type == "domain invalid\n") {
    return Obstacle{
        directory + "/cgroup.type", "the group is below a threaded one", {}, delegate()};
  }
  return std::nullopt;
}

CgroupPlace find_cgroup_place(const ControllerSet& controllers, const std::string& wanted) {
  CgroupPlace place = look_for_place(
      controllers, wanted.empty() ? environment_variable("TREEHOLD_CGROUP").value_or("") : wanted);
  place.for_one_group = !wanted.empty();
  return place;
}

CgroupPlace find_delegation_root(const ControllerSet& controllers) {
  return look_for_place(controllers, "");
}

void require_room_in_hierarchy(const std::string& parent) {
  if (errno != EAGAIN) {
    return;
  }
  const auto refuse = [](const char* file, const std::string& directory) {
    LimitRefusal refusal;
    refusal.limit = file;
    refusal.problem = LimitProblem::unenforceable;
    refusal.path = directory + "/" + file;
    refusal.reason = "allows no further group";
    refusal.error = {EAGAIN, boost::system::system_category()};
    throw LimitRefused(std::move(refusal));
  };
  std::uint64_t depth = 1;
  for (std::string directory = parent; read_file(directory + "/cgroup.max.depth");
       directory.resize(directory.rfind('/')), ++depth) {
    const auto deepest = number_in(directory + "/cgroup.max.depth");
    if (deepest && depth > *deepest) {
      refuse("cgroup.max.depth", directory);
    }
    const auto most = number_in(directory + "/cgroup.max.descendants");
    const auto stat = read_file(directory + "/cgroup.stat");
    if (most && stat && number_after(*stat, "nr_descendants").value_or(0) >= *most) {
      refuse("cgroup.max.descendants", directory);
    }
  }
  errno = EAGAIN;
}

Umbrella::Umbrella(const CgroupPlace& place)
    : owner_(incarnation()),
      place_path_(place.directory),
      place_(CgroupDir::open(place.directory)) {
  // Asked before anything is made, since it throws when the name is wrong.
  const std::optional<SpawnWay> forced = forced_spawn_way();
  const auto unavailable = [&](const std::string& path) {
    return Unsupported("mechanism cgroup_v2", path + ": " + last_error().message());
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
        !(plain_ = directory_.make_child(plain_shelf))) {
      constexpr int attempts = 8;
      const int error = errno;
      directory_ = CgroupDir();
      place_.remove_child(name_);
      if (attempt == attempts) {
        errno = error;
        require_room_in_hierarchy(place.directory);
        throw unavailable(place.directory + "/" + name_);
      }
    }
  }
  plain_.keep_spare_descriptor();
  kernel_path_ = place.kernel_path + "/" + name_;
  path_ = place.directory + "/" + name_;
  // For people who wonder whose it is; nothing is decided by it.
  const std::string note = "pid " + std::to_string(::getpid());
  (void)::fsetxattr(directory_.fd(), "user.treehold", note.data(), note.size(), 0);
  guarded_ = std::make_unique<Guarded>(place_, directory_, name_);
  sweep(place_);
  try {
    spawn_way_ = forced ? *forced : can_be_born_in(plain_) ? SpawnWay::direct : SpawnWay::join;
  } catch (...) {
    (void)place_.remove_child(name_);
    throw;
  }
}

Umbrella::~Umbrella() {
  if (owner_ == incarnation()) {
    // Groups remove themselves; those that could not be ended yet are left to the guardian.
    const auto events = directory_.events();
    if (events && (events->populated || !place_.remove_child(name_))) {
      (void)leave_to_guardian(place_, name_);
    }
  }
}

std::string Umbrella::next_group_name() {
  return "g" + std::to_string(++groups_);
}

const CgroupDir& Umbrella::limited(const ControllerSet& controllers, const Limits& limits) {
  const std::lock_guard lock(limited_mutex_);
  const auto refuse = [&](const std::string& path, std::optional<Controller> controller) {
    LimitRefusal refusal;
    refusal.error = last_error();
    refusal.problem = LimitProblem::unenforceable;
    refusal.path = path;
    refusal.limit = limit_needing(limits, controller.value_or(*controllers.begin()));
    refusal.controller = controller ? to_string(*controller) : to_string(controllers);
    throw LimitRefused(std::move(refusal));
  };
  if (!limited_ && !(limited_ = directory_.make_child(limited_shelf))) {
    require_room_in_hierarchy(path_);
    refuse(path_ + "/" + limited_shelf, std::nullopt);
  }
  const std::pair<const CgroupDir*, std::string> levels[] = {
      {&place_, place_path_}, {&directory_, path_}, {&limited_, path_ + "/" + limited_shelf}};
  for (const auto& [directory, path] : levels) {
    const std::optional<std::string> given = directory->read("cgroup.subtree_control");
    for (const Controller controller : controllers) {
      const std::string enable = "+" + std::string(to_string(controller));
      if (!lists(given.value_or(""), controller) &&
          !directory->write("cgroup.subtree_control", enable.c_str())) {
        refuse(path + "/cgroup.subtree_control", controller);
      }
    }
  }
  return limited_;
}

std::shared_ptr<Umbrella> Umbrella::at(const CgroupPlace& place) {
  static std::mutex mutex;
  static std::vector<std::shared_ptr<Umbrella>> umbrellas;  // those of the places used last
  const std::lock_guard lock(mutex);
  if (place.directory.empty()) {
    throw Unsupported("mechanism cgroup_v2", place.obstacle.text());
  }
  const auto is_here = [&place](const std::shared_ptr<Umbrella>& umbrella) {
    return umbrella->owner_ == incarnation() && umbrella->place_path_ == place.directory;
  };
  const auto found = std::find_if(umbrellas.begin(), umbrellas.end(), is_here);
  if (found != umbrellas.end()) {
    return *found;
  }
  auto made = std::make_shared<Umbrella>(place);
  if (place.for_one_group) {
    return made;
  }
  std::erase_if(umbrellas, [](const auto& umbrella) {
    return umbrella->owner_ != incarnation() || umbrella.use_count() == 1;  // moved away from it
  });
  umbrellas.push_back(made);
  return made;
}

}  // namespace treehold::inline v0::platform
