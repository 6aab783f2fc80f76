#include "hazards.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <functional>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

struct NamedWay {
  const char* name;
  Way way;
};

constexpr NamedWay ways[] = {{"join", Way::join},
                             {"hop", Way::hop},
                             {"hop, sharing the helper's memory", Way::hop_sharing},
                             {"born", Way::born},
                             {"born, not waiting", Way::born_nowait},
                             {"direct", Way::direct}};

bool put(const std::string& path, const std::string& text) {
  const int file = open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  close(file);
  return written;
}

// A limited group with a leaf for the starts and one for what uses the limit up.
class LimitedGroup {
 public:
  explicit LimitedGroup(const std::string& root) : path_(root + "/limited") {
    if (mkdir(path_.c_str(), 0755) != 0 || mkdir(hogs().c_str(), 0755) != 0 ||
        mkdir(leaf().c_str(), 0755) != 0) {
      die(path_);
    }
    files_.directory = open(leaf().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    files_.procs = openat(files_.directory, "cgroup.procs", O_WRONLY | O_CLOEXEC);
  }
  ~LimitedGroup() {
    close(files_.directory);
    close(files_.procs);
    while (rmdir(path_.c_str()) != 0) {
      put(path_ + "/cgroup.kill", "1");
      rmdir(hogs().c_str());
      rmdir(leaf().c_str());
    }
  }
  LimitedGroup(const LimitedGroup&) = delete;
  LimitedGroup& operator=(const LimitedGroup&) = delete;

  [[nodiscard]] bool limit(const std::string& file, const std::string& value) const {
    return put(path_ + "/" + file, value);
  }
  [[nodiscard]] std::string hogs() const { return path_ + "/hogs"; }
  [[nodiscard]] std::string leaf() const { return path_ + "/leaf"; }
  [[nodiscard]] const LeafFiles& files() const { return files_; }

 private:
  std::string path_;
  LeafFiles files_;
};

[[noreturn]] void use_memory() {
  constexpr std::size_t step = 1U << 20U;
  for (;;) {
    void* memory = mmap(nullptr, step, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) std::memset(memory, 1, step);
  }
}

[[noreturn]] void use_processor() {
  for (;;) asm volatile("");
}

// Keeps one hog in the group, from outside: whenever it is killed, there is a new one.
pid_t keep_hog(const LimitedGroup& group, const std::function<void()>& hog) {
  const pid_t keeper = fork();
  if (keeper != 0) return keeper;
  for (;;) {
    const pid_t child = fork();
    if (child == 0) {
      put(group.hogs() + "/cgroup.procs", "0");
      hog();
    }
    waitpid(child, nullptr, 0);
  }
}

void end(pid_t process) {
  kill(process, SIGKILL);
  waitpid(process, nullptr, 0);
}

// Starts programs in a group that is full until this process is killed or the time is up. Exits
// with 0.
[[noreturn]] void start_in_full_group(Launcher& launcher, const NamedWay& way,
                                      const LimitedGroup& group, int progress) {
  const auto until = Clock::now() + seconds(10);
  while (Clock::now() < until) {
    const char one = 1;
    if (write(progress, &one, 1) != 1) break;
    Started started = launcher.start({way.way}, group.files());
    Launcher::await_executed(started);
    Launcher::reap(started);
  }
  _exit(0);
}

void show_memory(Launcher& launcher, const std::string& root) {
  std::printf("\n| way | host in front of a full group (memory.oom.group) |\n|---|---|\n");
  for (const NamedWay& way : ways) {
    const LimitedGroup group(root);
    if (!group.limit("memory.max", "8M") || !group.limit("memory.oom.group", "1")) {
      std::printf("| - | not measured: no memory controller here |\n");
      return;
    }
    static_cast<void>(group.limit("memory.swap.max", "0"));
    const pid_t hog = keep_hog(group, use_memory);
    int progress[2];
    if (pipe2(progress, O_CLOEXEC) != 0) die("pipe2");
    const pid_t host = fork();
    if (host == 0) start_in_full_group(launcher, way, group, progress[1]);
    close(progress[1]);
    int starts = 0;
    for (char one = 0; read(progress[0], &one, 1) == 1;) ++starts;
    close(progress[0]);
    int status = 0;
    waitpid(host, &status, 0);
    end(hog);
    std::printf("| %s | %s, %d starts |\n", way.name, WIFSIGNALED(status) ? "killed" : "alive",
                starts);
    std::fflush(stdout);
  }
}

void show_processor(Launcher& launcher, const std::string& root) {
  std::printf("\n| way | blocked, ms: median | p95 | executed, ms: median |\n|---|---|---|---|\n");
  for (const NamedWay& way : ways) {
    const LimitedGroup group(root);
    if (!group.limit("cpu.max", "5000 100000")) {
      std::printf("| - | not measured: no cpu controller here | | |\n");
      return;
    }
    const pid_t hog = keep_hog(group, use_processor);
    std::vector<double> blocked;
    std::vector<double> executed;
    for (int i = 0; i < 40; ++i) {
      using Milliseconds = std::chrono::duration<double, std::milli>;
      const auto begin = Clock::now();
      Started started = launcher.start({way.way}, group.files());
      const auto control = Clock::now();
      Launcher::await_executed(started);
      executed.push_back(Milliseconds(Clock::now() - begin).count());
      blocked.push_back(Milliseconds(control - begin).count());
      Launcher::reap(started);
    }
    end(hog);
    std::sort(blocked.begin(), blocked.end());
    std::sort(executed.begin(), executed.end());
    std::printf("| %s | %.1f | %.1f | %.1f |\n", way.name, blocked[20], blocked[38], executed[20]);
    std::fflush(stdout);
  }
}

}  // namespace

void show_hazards(Launcher& launcher, const std::string& root) {
  const std::string parent = root.substr(0, root.rfind('/'));
  put(parent + "/cgroup.subtree_control", "+cpu +memory");
  put(root + "/cgroup.subtree_control", "+cpu +memory");
  show_processor(launcher, root);
  show_memory(launcher, root);
}
