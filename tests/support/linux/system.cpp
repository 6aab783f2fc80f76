// The system seen from outside, by /proc, pidfds and the file system of cgroups.
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <catch2/catch.hpp>

#include "support.hpp"

namespace support {

namespace {

/// A whole file of /proc, which tells no size; empty when it cannot be read.
std::string read_proc(const std::string& path) {
  std::string text;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return text;
  }
  char block[4096];
  ssize_t count = 0;
  while ((count = ::read(fd, block, sizeof block)) > 0) {
    text.append(block, static_cast<std::size_t>(count));
  }
  ::close(fd);
  return text;
}

std::vector<pid_t> all_processes() {
  std::vector<pid_t> pids;
  DIR* directory = ::opendir("/proc");
  if (directory == nullptr) {
    return pids;
  }
  while (const dirent* entry = ::readdir(directory)) {
    const long pid = std::strtol(entry->d_name, nullptr, 10);
    if (pid > 0) {
      pids.push_back(static_cast<pid_t>(pid));
    }
  }
  ::closedir(directory);
  return pids;
}

bool carries_mark(pid_t pid) {
  const char* mark = std::getenv(mark_variable);
  if (mark == nullptr) {
    return false;
  }
  const std::string wanted = std::string(mark_variable) + "=" + mark;
  const std::string found = read_proc("/proc/" + std::to_string(pid) + "/environ");
  std::size_t start = 0;
  while (start < found.size()) {
    const std::size_t end = std::min(found.find('\0', start), found.size());
    if (std::string_view(found).substr(start, end - start) == wanted) {
      return true;
    }
    start = end + 1;
  }
  return false;
}

}  // namespace

const std::string& self() {
  static const std::string path = std::filesystem::read_symlink("/proc/self/exe").string();
  return path;
}

std::vector<CgroupMount> cgroup_mounts() {
  std::vector<CgroupMount> found;
  std::istringstream mounts(read_proc("/proc/self/mounts"));
  std::string device;
  CgroupMount mount;
  for (std::string rest; mounts >> device >> mount.point >> mount.type >> mount.options;
       std::getline(mounts, rest)) {
    if (mount.type == "cgroup2" || mount.type == "cgroup") {
      found.push_back(mount);
    }
  }
  return found;
}

std::string cgroup_mount(const std::string& controller) {
  for (const CgroupMount& mount : cgroup_mounts()) {
    if (controller.empty()
            ? mount.type == "cgroup2"
            : mount.type == "cgroup" &&
                  (mount.options + ",").find("," + controller + ",") != std::string::npos) {
      return mount.point;
    }
  }
  return {};
}

namespace {

/// The cgroup of a process in the hierarchy of `controller`, or the unified one ("").
std::optional<std::string> cgroup_directory(pid_t pid, const std::string& controller) {
  std::istringstream groups(read_proc("/proc/" + std::to_string(pid) + "/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (line.substr(first + 1, second - first - 1) != controller) {
      continue;
    }
    const std::string mount = cgroup_mount(controller);
    if (!mount.empty()) {
      return mount + line.substr(second + 1);
    }
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> own_v1_cgroups() {
  std::vector<std::string> found;
  for (const char* controller : {"memory", "pids", "cpu"}) {
    if (auto directory = cgroup_directory(::getpid(), controller)) {
      found.push_back(std::move(*directory));
    }
  }
  return found;
}

std::string control_file(pid_t pid, const std::string& controller, const std::string& file,
                         const std::string& file_v1) {
  const auto older = cgroup_directory(pid, controller);
  std::string directory = older ? *older : cgroup_directory(pid, "").value_or("");
  const std::string& name = older ? file_v1 : file;
  // A leaf has no controllers: the group above it has.
  if (!older && read_proc(directory + "/" + name).empty()) {
    directory.resize(directory.rfind('/'));
  }
  std::string text = read_proc(directory + "/" + name);
  if (!text.empty() && text.back() == '\n') {
    text.pop_back();
  }
  return text;
}

char state_of(pid_t pid) {
  const std::string stat = read_proc("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t bracket = stat.rfind(')');
  return bracket == std::string::npos || bracket + 2 >= stat.size() ? '\0' : stat[bracket + 2];
}

bool alive(treehold::ProcessId number) {
  const auto pid = static_cast<pid_t>(number);
  const char state = state_of(pid);
  return state != '\0' && state != 'Z' && state != 'X' && carries_mark(pid);
}

std::vector<std::pair<pid_t, std::string>> marked_processes() {
  std::vector<std::pair<pid_t, std::string>> found;
  for (const pid_t pid : all_processes()) {
    if (pid != ::getpid() && carries_mark(pid) && alive(pid)) {
      std::string line = read_proc("/proc/" + std::to_string(pid) + "/cmdline");
      std::replace(line.begin(), line.end(), '\0', ' ');
      found.emplace_back(pid, line);
    }
  }
  return found;
}

std::vector<pid_t> processes_of(uid_t uid) {
  std::vector<pid_t> found;
  const std::string wanted = "Uid:\t" + std::to_string(uid) + "\t";
  for (const pid_t pid : all_processes()) {
    const std::string status = read_proc("/proc/" + std::to_string(pid) + "/status");
    const char state = state_of(pid);
    if (status.find(wanted) != std::string::npos && state != '\0' && state != 'Z' && state != 'X') {
      found.push_back(pid);
    }
  }
  return found;
}

PidWatch::PidWatch(treehold::ProcessId pid, Whose whose) : pid_(static_cast<pid_t>(pid)) {
  fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  if (fd_ < 0 || (whose == Whose::of_this_run && !support::alive(pid)) ||
      (whose == Whose::anybody && dead())) {
    const int saved = errno;
    if (fd_ >= 0) {
      ::close(fd_);
    }
    FAIL("process " << pid_ << " is no living process of this test run (errno " << saved << ")");
  }
}

void PidWatch::kill(int signal) const {
  ::syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0);
}

std::map<int, std::string> open_descriptors() {
  std::map<int, std::string> found;
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) {
    return found;
  }
  while (const dirent* entry = ::readdir(directory)) {
    char* end = nullptr;
    const long fd = std::strtol(entry->d_name, &end, 10);
    if (end == entry->d_name || fd == ::dirfd(directory)) {
      continue;
    }
    char target[4096];
    const ssize_t size =
        ::readlink(("/proc/self/fd/" + std::string(entry->d_name)).c_str(), target, sizeof target);
    found[static_cast<int>(fd)] =
        size < 0 ? "?" : std::string(target, static_cast<std::size_t>(size));
  }
  ::closedir(directory);
  return found;
}

std::set<std::string> own_umbrellas() {
  std::set<std::string> found;
  for (const std::string& target : kept_descriptors()) {
    std::filesystem::path reached;
    std::string umbrella;
    for (const auto& name : std::filesystem::path(target)) {
      reached /= name;
      if (is_umbrella(name.string())) {
        umbrella = reached.string();
      }
    }
    std::error_code ignored;
    if (std::filesystem::is_directory(umbrella, ignored)) {
      found.insert(umbrella);
    }
  }
  return found;
}

pid_t guardian_of(pid_t host) {
  for (const pid_t pid : all_processes()) {
    const std::string name = read_proc("/proc/" + std::to_string(pid) + "/comm");
    if (name != "treehold-guard\n") {
      continue;
    }
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo", ignored)) {
      const std::string info = read_proc(entry.path());
      if (info.find("\nPid:\t" + std::to_string(host) + "\n") != std::string::npos) {
        return pid;
      }
    }
  }
  return 0;
}

std::set<std::string> stale_umbrellas() {
  namespace fs = std::filesystem;
  std::set<std::string> found;
  std::error_code ignored;
  for (const CgroupMount& mount : cgroup_mounts()) {
    if (mount.type != "cgroup2") {
      continue;
    }
    const auto options = fs::directory_options::skip_permission_denied;
    for (auto at = fs::recursive_directory_iterator(mount.point, options, ignored);
         at != fs::recursive_directory_iterator(); at.increment(ignored)) {
      if (!is_umbrella(at->path().filename().string())) {
        continue;
      }
      at.disable_recursion_pending();
      const int fd = ::open(at->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
      if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) {
        found.insert(at->path().string());
      }
      ::close(fd);
    }
  }
  return found;
}

std::size_t own_memory(const std::string& field) {
  std::istringstream status(read_proc("/proc/self/status"));
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind(field + ":", 0) == 0) {
      return static_cast<std::size_t>(std::stoull(line.substr(field.size() + 1))) * 1024;
    }
  }
  return 0;
}

void reset_peak_memory() {
  std::ofstream file("/proc/self/clear_refs");
  file << "5";
}

void require_processes(std::size_t count) {
  const auto require = [&](const std::string& name, std::size_t most, std::size_t others) {
    if (most < count + others) {
      skip(name + " allows " + std::to_string(most) + " processes");
    }
  };
  constexpr std::size_t some = 1000;
  rlimit own{};
  ::getrlimit(RLIMIT_NPROC, &own);
  if (!is_root()) {
    require("RLIMIT_NPROC", own.rlim_cur, processes_of(::getuid()).size());
  }
  require("kernel.pid_max", std::stoull(read_file("/proc/sys/kernel/pid_max")), some);
  require("kernel.threads-max", std::stoull(read_file("/proc/sys/kernel/threads-max")), some);
  // Our own cgroup and those above it, of either version.
  std::istringstream groups(read_file("/proc/self/cgroup"));
  for (std::string line; std::getline(groups, line);) {
    const bool unified = line.rfind("0::", 0) == 0;
    if (!unified && line.find(":pids:") == std::string::npos) {
      continue;
    }
    const std::string root = unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/pids";
    for (std::string at = line.substr(line.rfind(':') + 1); at.size() > 1;
         at.erase(at.rfind('/'))) {
      const std::string most = read_file(root + at + "/pids.max");
      const std::string now = read_file(root + at + "/pids.current");
      if (!most.empty() && !now.empty() && most.rfind("max", 0) != 0) {
        require(root + at, std::stoull(most), std::stoull(now));
      }
    }
  }
}

std::size_t threads() {
  std::error_code ignored;
  return static_cast<std::size_t>(
      std::distance(std::filesystem::directory_iterator("/proc/self/task", ignored), {}));
}

}  // namespace support
