#include "support.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <utility>

#include <catch2/catch.hpp>

#include "role_tools.hpp"
#include "roles.hpp"

namespace support {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
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

bool is_root() {
  return ::geteuid() == 0;
}

void require_root() {
  if (!is_root()) {
    skip("needs root");
  }
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

treehold::Command plain::quick() {
  return treehold::Command("true");
}

treehold::Command plain::idle() {
  return treehold::Command("sleep", {"100000"});
}

void require_resource_use() {
  for (const auto& [name, guarantee] : guarantees().statistics) {
    if (name == "resource_use" && !guarantee.holds) {
      skip("no use of resources is told here: " + guarantee.reason);
    }
  }
}

pid_t pid_after(std::string_view text, std::string_view word) {
  return static_cast<pid_t>(number_after(text, word));
}

bool limits_are_unified() {
  const treehold::Guarantees all = guarantees();
  return std::any_of(all.limits.begin(), all.limits.end(), [](const auto& limit) {
    return limit.first == "memory_high" && limit.second.holds;
  });
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
  if (pipe_for_us(out) != 0 || pipe_for_us(in) != 0) {
    fail("pipe");
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

Variable::Variable(std::string name, const std::string& value) : name_(std::move(name)) {
  ::setenv(name_.c_str(), value.c_str(), 1);
}

Variable::~Variable() {
  ::unsetenv(name_.c_str());
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
