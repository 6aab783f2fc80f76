#include "support.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <catch2/catch.hpp>

#include "roles.hpp"

namespace support {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

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

/// What treehold keeps open as long as its process lives: directories of cgroups and its helper
/// program.
bool is_kept(const std::string& target) {
  return target.find("/treehold-") != std::string::npos ||
         target.find("memfd:treehold-agent") != std::string::npos ||
         target.find("/libexec/treehold/") != std::string::npos ||
         target.rfind("/sys/fs/cgroup", 0) == 0;
}

}  // namespace

bool steps_are_dear() noexcept {
  static const bool dear = sanitized || std::getenv("TREEHOLD_TEST_FEW") != nullptr;
  return dear;
}

bool is_root() {
  return ::geteuid() == 0;
}

void require_root() {
  if (!is_root()) {
    skip("needs root");
  }
}

treehold::Guarantees guarantees() {
  return treehold::ProcessGroup().guarantees();
}

treehold::Mechanism mechanism() {
  return guarantees().mechanism;
}

const std::string& self() {
  static const std::string path = std::filesystem::read_symlink("/proc/self/exe").string();
  return path;
}

const std::string& self_for_everybody() {
  static const std::string path = [] {
    std::filesystem::path place = self();
    bool reachable = true;
    for (std::filesystem::path at = place; at != at.root_path(); at = at.parent_path()) {
      using std::filesystem::perms;
      const perms wanted =
          at == place ? perms::others_exec | perms::others_read : perms::others_exec;
      reachable = reachable && (std::filesystem::status(at).permissions() & wanted) == wanted;
    }
    if (reachable) {
      return self();
    }
    static const TempDir copies;
    ::chmod(copies.path().c_str(), 0755);
    std::string copy = copies / "treehold-tests";
    std::filesystem::copy_file(self(), copy);
    ::chmod(copy.c_str(), 0755);
    return copy;
  }();
  return path;
}

treehold::Command plain::role(const std::string& name, const std::vector<std::string>& arguments) {
  treehold::Command command(self());
  command.arg("--role=" + name);
  command.args(arguments);
  return command;
}

treehold::Command plain::quick() {
  return treehold::Command("true");
}

treehold::Command plain::idle() {
  return treehold::Command("sleep", {"100000"});
}

std::map<std::string, std::string> parse_report(std::string_view text) {
  std::map<std::string, std::string> values;
  std::istringstream lines{std::string(text)};
  std::string line;
  while (std::getline(lines, line)) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) {
      values[line.substr(0, equals)] = line.substr(equals + 1);
    }
  }
  return values;
}

pid_t pid_after(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(std::string(word) + " ");
  if (at == std::string_view::npos) {
    FAIL("no \"" << word << "\" in: " << text);
  }
  return static_cast<pid_t>(std::stol(std::string(text.substr(at + word.size() + 1))));
}

void require_limit(const std::string& limit) {
  const treehold::Guarantees all = guarantees();
  for (const auto& [name, guarantee] : all.limits) {
    if (name == limit && !guarantee.holds) {
      skip("no limit of " + limit + " here: " + guarantee.reason);
    }
  }
}

bool limits_are_unified() {
  const treehold::Guarantees all = guarantees();
  return std::any_of(all.limits.begin(), all.limits.end(), [](const auto& limit) {
    return limit.first == "memory_high" && limit.second.holds;
  });
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

bool alive(pid_t pid) {
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

PidWatch::PidWatch(pid_t pid, Whose whose) {
  fd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (fd_ < 0 || (whose == Whose::of_this_run ? !support::alive(pid) : dead())) {
    const int saved = errno;
    if (fd_ >= 0) {
      ::close(fd_);
    }
    FAIL("process " << pid << " is no living process of this test run (errno " << saved << ")");
  }
}

PidWatch::~PidWatch() {
  ::close(fd_);
}

bool PidWatch::dead() const {
  return wait_dead(0ms);
}

bool PidWatch::wait_dead(std::chrono::milliseconds bound) const {
  pollfd event{fd_, POLLIN, 0};
  return ::poll(&event, 1, static_cast<int>(bound.count())) == 1;
}

void PidWatch::kill(int signal) const {
  ::syscall(SYS_pidfd_send_signal, fd_, signal, nullptr, 0);
}

bool wait_until(const std::function<bool()>& reached, std::chrono::milliseconds bound) {
  const auto end = std::chrono::steady_clock::now() + bound;
  while (!reached()) {
    if (std::chrono::steady_clock::now() > end) {
      return false;
    }
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

bool& orphans_expected() {
  static bool expected = false;
  return expected;
}

void expect_orphans() {
  orphans_expected() = true;
}

Child::Child(const std::string& name, const std::vector<std::string>& arguments,
             const std::function<void()>& prepare) {
  if (name == "host") {
    expect_orphans();
  }
  int out[2];
  int in[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(in, O_CLOEXEC) != 0) {
    fail("pipe2");
  }
  std::vector<std::string> words{self(), "--role=" + name};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) {
    fail("fork");
  }
  if (pid_ == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    if (prepare) {
      prepare();
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(in[0]);
  from_ = out[0];
  to_ = in[1];
}

Child::~Child() {
  if (!status_) {
    ::kill(pid_, SIGKILL);
    ::kill(pid_, SIGCONT);
    wait();
  }
  close_stdin();
  ::close(from_);
}

bool Child::alive() const {
  return !status_ && support::alive(pid_);
}

std::optional<std::string> Child::read_line() {
  std::string line;
  char byte = 0;
  while (::read(from_, &byte, 1) == 1) {
    if (byte == '\n') {
      return line;
    }
    line += byte;
  }
  return line.empty() ? std::nullopt : std::optional(line);
}

std::string Child::read_all() {
  std::string text;
  char block[4096];
  ssize_t count = 0;
  while ((count = ::read(from_, block, sizeof block)) > 0) {
    text.append(block, static_cast<std::size_t>(count));
  }
  return text;
}

void Child::close_stdin() {
  if (to_ >= 0) {
    ::close(to_);
    to_ = -1;
  }
}

int Child::wait() {
  if (!status_) {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0) {
      if (errno != EINTR) {
        fail("waitpid");
      }
    }
    status_ = status;
  }
  return *status_;
}

Canary::Canary() : child_("sleep") {
  if (child_.read_line() != "ready") {
    FAIL("the canary did not start");
  }
}

void expect_host(const std::string& scenario, const std::vector<std::string>& arguments,
                 const std::function<void()>& prepare) {
  std::vector<std::string> words{scenario};
  words.insert(words.end(), arguments.begin(), arguments.end());
  Child host("host", words, prepare);
  const std::string report = host.read_all();
  const int status = host.wait();
  INFO("host role " << scenario << " says:\n" << report);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == skipped_status) {
    skip(report);
  }
  REQUIRE(WEXITSTATUS(status) == 0);
}

TempDir::TempDir() {
  std::string made = (std::filesystem::temp_directory_path() / "test-of-treehold-XXXXXX").string();
  if (::mkdtemp(made.data()) == nullptr) {
    fail("mkdtemp");
  }
  path_ = made;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Lifeline::Lifeline() {
  if (::mkfifo(path().c_str(), 0600) != 0) {
    fail("mkfifo");
  }
  fd_ = ::open(path().c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  if (fd_ < 0) {
    fail("open a fifo");
  }
}

Lifeline::~Lifeline() {
  ::close(fd_);
}

bool Lifeline::cut() const {
  pollfd end{fd_, POLLIN, 0};
  const auto bound = std::chrono::duration_cast<std::chrono::milliseconds>(hang_bound);
  return ::poll(&end, 1, static_cast<int>(bound.count())) == 1 && (end.revents & POLLHUP) != 0;
}

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, std::string_view text, unsigned mode) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  ::chmod(path.c_str(), static_cast<mode_t>(mode));
}

Redirect::Redirect(int descriptor, const std::string& path, int flags)
    : descriptor_(descriptor), saved_(::fcntl(descriptor, F_DUPFD_CLOEXEC, 100)) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0644);
  if (fd < 0) {
    fail(path);
  }
  ::dup2(fd, descriptor_);
  ::close(fd);
}

Redirect::~Redirect() {
  ::dup2(saved_, descriptor_);
  ::close(saved_);
}

WorkingDirectory::WorkingDirectory(const std::string& path)
    : before_(std::filesystem::current_path().string()) {
  std::filesystem::current_path(path);
}

WorkingDirectory::~WorkingDirectory() {
  std::error_code ignored;
  std::filesystem::current_path(before_, ignored);
}

DescriptorLimit::DescriptorLimit(rlim_t most) {
  ::getrlimit(RLIMIT_NOFILE, &before_);
  if (before_.rlim_max < most) {
    skip("no more than " + std::to_string(before_.rlim_max) + " descriptors may be open");
  }
  const rlimit limit{most, before_.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

DescriptorLimit::~DescriptorLimit() {
  ::setrlimit(RLIMIT_NOFILE, &before_);
}

NoDescriptors::NoDescriptors()
    : limit_(static_cast<rlim_t>(open_descriptors().rbegin()->first) + 1) {
  for (int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0;
       fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
    taken_.push_back(fd);
  }
}

NoDescriptors::~NoDescriptors() {
  for (const int fd : taken_) {
    ::close(fd);
  }
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

std::vector<std::string> plain_descriptors() {
  std::vector<std::string> found;
  for (const auto& [fd, target] : open_descriptors()) {
    if (!is_kept(target)) {
      found.push_back(std::to_string(fd) + " -> " + target);
    }
  }
  return found;
}

std::vector<std::string> kept_descriptors() {
  std::vector<std::string> found;
  for (const auto& [fd, target] : open_descriptors()) {
    if (is_kept(target)) {
      found.push_back(target);
    }
  }
  return found;
}

bool is_umbrella(std::string_view name) {
  constexpr std::string_view prefix = "treehold-";
  constexpr std::size_t digits = 16;
  return name.size() == prefix.size() + digits && name.starts_with(prefix) &&
         name.find_first_not_of("0123456789abcdef", prefix.size()) == std::string_view::npos;
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

std::string pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) {
    state = state * 1664525U + 1013904223U;
    byte = static_cast<char>(state >> 24U);
  }
  return bytes;
}

SharedCounters::SharedCounters(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 || ::ftruncate(fd, 4096) != 0) {
    fail(path);
  }
  void* place = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  ::close(fd);
  if (place == MAP_FAILED) {
    fail("mmap");
  }
  counters_ = static_cast<volatile std::uint64_t*>(place);
}

SharedCounters::~SharedCounters() {
  ::munmap(const_cast<std::uint64_t*>(counters_), 4096);
}

}  // namespace support
