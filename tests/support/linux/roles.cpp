// Roles that need Linux: raw system calls, ptrace(2), cgroups, and a look at /proc.
#include "roles.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <thread>

#include "role_tools.hpp"

namespace support {
namespace {

int main_thread_exits(const Words&) {
  std::thread other([] {
    const std::string stat =
        "/proc/" + std::to_string(::getpid()) + "/task/" + std::to_string(::getpid()) + "/stat";
    for (;;) {
      std::ifstream file(stat);
      std::string text;
      std::getline(file, text);
      const std::size_t bracket = text.rfind(')');
      if (bracket != std::string::npos && text[bracket + 2] == 'Z') {
        break;
      }
      ::usleep(1000);
    }
    say("gone");
    char byte = 0;
    while (::read(0, &byte, 1) > 0) {
    }
    ::_exit(5);
  });
  other.detach();
  ::syscall(SYS_exit, 0);
  return 94;
}

int vfork_blocked(const Words&) {  // hangs in vfork(2), whose child waits for ever
  int ends[2];
  if (::pipe(ends) != 0) {
    return 98;
  }
  say("leader " + std::to_string(::getpid()));
  // The raw call: libc's and a sanitizer's would have an opinion about what the child does.
  const long child = ::syscall(SYS_clone, 0x4000 /* CLONE_VFORK */ | SIGCHLD, 0, 0, 0, 0);
  if (child == 0) {
    say("blocked");
    char byte = 0;
    (void)!::read(ends[0], &byte, 1);
    ::_exit(0);
  }
  return 96;
}

/// The directory of our own cgroup v2, or nothing.
std::string own_cgroup() {
  std::ifstream mounts("/proc/self/mounts");
  std::string line;
  std::string mount;
  while (std::getline(mounts, line)) {
    std::istringstream fields(line);
    std::string device;
    std::string place;
    std::string type;
    fields >> device >> place >> type;
    if (type == "cgroup2") {
      mount = place;
    }
  }
  std::ifstream groups("/proc/self/cgroup");
  while (std::getline(groups, line)) {
    if (line.rfind("0::", 0) == 0) {
      return mount + line.substr(3);
    }
  }
  return {};
}

int burrow(const Words&) {  // a frozen child in nested groups of its own that nobody may enter
  const std::string base = own_cgroup();
  const std::string outer = base + "/outer";
  const std::string inner = outer + "/inner";
  if (base.empty() || ::mkdir(outer.c_str(), 0755) != 0 || ::mkdir(inner.c_str(), 0755) != 0) {
    say("cannot: " + std::string(std::strerror(errno)));
    return 1;
  }
  const pid_t child = fork_ready([&](const auto& ready) {
    std::ofstream(inner + "/cgroup.procs") << ::getpid() << std::flush;
    let_go_of_streams();
    ready();
    rest();
  });
  {
    std::ofstream freeze(inner + "/cgroup.freeze");
    freeze << "1" << std::flush;
    if (!freeze) {
      say("cannot freeze");
      return 1;
    }
  }
  ::chmod((inner + "/cgroup.procs").c_str(), 0);
  ::chmod((inner + "/cgroup.kill").c_str(), 0);
  ::chmod(inner.c_str(), 0);
  ::chmod(outer.c_str(), 0);
  say("child " + std::to_string(child));
  rest();
}

// -- Others
// -----------------------------------------------------------------------------------------

int tracer(const Words& words) {  // PID seize|attach: traces it until standard input ends
  const auto pid = static_cast<pid_t>(number(words, 0));
  const bool attach = word(words, 1) == "attach";
  if (::ptrace(attach ? PTRACE_ATTACH : PTRACE_SEIZE, pid, nullptr, nullptr) != 0) {
    say("refused: " + std::string(std::strerror(errno)));
    return 1;
  }
  if (attach) {
    ::waitpid(pid, nullptr, __WALL);
  }
  say("attached");
  char byte = 0;
  while (::read(0, &byte, 1) > 0) {
  }
  return 0;
}

std::string status_field(const std::string& name) {
  std::ifstream status("/proc/thread-self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind(name + ":", 0) == 0) {
      return line.substr(line.find_first_not_of(" \t", name.size() + 1));
    }
  }
  return {};
}

std::string own_descriptors() {
  std::string text;
  DIR* directory = ::opendir("/proc/self/fd");
  for (const dirent* entry = ::readdir(directory); entry != nullptr; entry = ::readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] != '.' && fd != ::dirfd(directory)) {
      text += (text.empty() ? "" : " ") + std::to_string(fd);
    }
  }
  ::closedir(directory);
  return text;
}

}  // namespace

std::map<std::string, Role> system_roles() {
  return {
      {"burrow", burrow},
      {"main-thread-exits", main_thread_exits},
      {"tracer", tracer},
      {"vfork-blocked", vfork_blocked},
  };
}

std::string system_report() {
  std::ostringstream text;
  text << "fds=" << own_descriptors() << '\n';
  uid_t ruid = 0;
  uid_t euid = 0;
  uid_t suid = 0;
  gid_t rgid = 0;
  gid_t egid = 0;
  gid_t sgid = 0;
  ::getresuid(&ruid, &euid, &suid);
  ::getresgid(&rgid, &egid, &sgid);
  text << "uid=" << ruid << ' ' << euid << ' ' << suid << "\ngid=" << rgid << ' ' << egid << ' '
       << sgid << '\n';
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  ::sched_getaffinity(0, sizeof cpus, &cpus);
  text << "cpus=";
  bool first = true;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &cpus)) {
      text << (first ? "" : " ") << cpu;
      first = false;
    }
  }
  text << "\nno_new_privs=" << ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  text << "\nblocked=" << status_field("SigBlk") << "\nignored=" << status_field("SigIgn")
       << "\npending=" << status_field("SigPnd") << '\n';
  for (const int fd : {0, 1, 2}) {
    char target[4096];
    const ssize_t size =
        ::readlink(("/proc/self/fd/" + std::to_string(fd)).c_str(), target, sizeof target);
    text << "fd" << fd << '='
         << (size < 0 ? "" : std::string(target, static_cast<std::size_t>(size))) << '\n';
  }
  std::ifstream command_line("/proc/self/cmdline");
  std::string arg0;
  std::getline(command_line, arg0, '\0');
  text << "arg0=" << arg0 << '\n';
  return text.str();
}

}  // namespace support
