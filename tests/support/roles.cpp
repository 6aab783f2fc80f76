// Small child programs. Each says on standard output when it has reached the state it is for, so
// that a test can wait for it.
#include "roles.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <thread>

#include "support.hpp"

namespace support {

namespace {

using Words = std::vector<std::string>;

std::string word(const Words& words, std::size_t index, const std::string& otherwise = "") {
  return index < words.size() ? words[index] : otherwise;
}

std::size_t number(const Words& words, std::size_t index, std::size_t otherwise = 0) {
  return index < words.size() ? std::stoull(words[index]) : otherwise;
}

void put(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      ::_exit(99);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void say(const std::string& line) {
  put(1, line + "\n");
}

[[noreturn]] void rest() {
  for (;;) {
    ::pause();
  }
}

void to_null(int fd) {
  const int null = ::open("/dev/null", O_RDWR);
  ::dup2(null, fd);
  if (null > 2) {
    ::close(null);
  }
}

void let_go_of_streams() {
  to_null(0);
  to_null(1);
  to_null(2);
}

/// Forks a child that runs `body`, and returns its number once it has called the function it is
/// given.
pid_t fork_ready(const std::function<void(const std::function<void()>& ready)>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    ::_exit(98);
  }
  const pid_t child = ::fork();
  if (child < 0) {
    ::_exit(97);
  }
  if (child == 0) {
    ::close(ends[0]);
    body([&] {
      put(ends[1], "r");
      ::close(ends[1]);
    });
    ::_exit(0);
  }
  ::close(ends[1]);
  char byte = 0;
  while (::read(ends[0], &byte, 1) < 0 && errno == EINTR) {
  }
  ::close(ends[0]);
  return child;
}

// -- Output -------------------------------------------------------------------------------------

int print(
    const Words& words) {  // SIZE [out|err]: that many bytes of the pattern, without a newline
  put(word(words, 1) == "err" ? 2 : 1, pattern(number(words, 0)));
  return 0;
}

int flood(const Words& words) {  // SIZE: that many bytes 'x', without a newline
  const std::string block(std::size_t{256} * 1024, 'x');
  for (std::size_t left = number(words, 0); left > 0;) {
    const std::size_t part = std::min(left, block.size());
    put(1, std::string_view(block).substr(0, part));
    left -= part;
  }
  return 0;
}

int emit(const Words& words) {  // OUT ERR CODE
  put(1, word(words, 0));
  put(2, word(words, 1));
  return static_cast<int>(number(words, 2));
}

int alternate(const Words& words) {  // N: numbered pieces, in turn on both streams
  for (std::size_t index = 0; index < number(words, 0); ++index) {
    put(index % 2 == 0 ? 1 : 2, std::to_string(index) + "\n");
  }
  return 0;
}

int lines(const Words& words) {  // N: "line 0" to "line N-1"
  std::string text;
  for (std::size_t index = 0; index < number(words, 0); ++index) {
    text += "line " + std::to_string(index) + "\n";
  }
  put(1, text);
  return 0;
}

int arguments(const Words& words) {  // …: each argument with a NUL behind it
  std::string text;
  for (const std::string& argument : words) {
    text += argument;
    text += '\0';
  }
  put(1, text);
  return 0;
}

int ticks(const Words& words) {  // N MILLISECONDS: a line each
  for (std::size_t index = 0; index < number(words, 0); ++index) {
    say("tick");
    ::usleep(static_cast<useconds_t>(number(words, 1) * 1000));
  }
  return 0;
}

int echo(const Words&) {
  char block[65536];
  ssize_t count = 0;
  while ((count = ::read(0, block, sizeof block)) > 0) {
    put(1, std::string_view(block, static_cast<std::size_t>(count)));
  }
  return count < 0 ? 96 : 0;
}

int count_input(const Words&) {
  char block[65536];
  std::size_t total = 0;
  ssize_t count = 0;
  while ((count = ::read(0, block, sizeof block)) > 0) {
    total += static_cast<std::size_t>(count);
  }
  say(std::to_string(total));
  return 0;
}

// -- Ends -----------------------------------------------------------------------------------------

int leave(const Words& words) {
  return static_cast<int>(number(words, 0));
}

int raise_signal(const Words& words) {
  const int native = static_cast<int>(number(words, 0));
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::signal(native, SIG_DFL);
  ::raise(native);
  return 95;
}

int sleep_ready(const Words&) {
  say("ready");
  rest();
}

int close_input(const Words&) {
  ::close(0);
  say("ready");
  rest();
}

int stubborn(const Words&) {
  for (const int native : {SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM}) {
    ::signal(native, SIG_IGN);
  }
  say("ready");
  rest();
}

std::string farewell;  // NOLINT: a signal handler reads it

int polite(const Words& words) {  // [SIGNAL]: answers the soft signal with a word and exit code 7
  const int native = static_cast<int>(number(words, 0, SIGTERM));
  farewell = "soft\n";
  ::signal(native, [](int) {
    put(1, farewell);
    ::_exit(7);
  });
  say("ready");
  rest();
}

int last_words(const Words& words) {  // answers SIGTERM with N bytes
  farewell = pattern(number(words, 0));
  ::signal(SIGTERM, [](int) {
    put(1, farewell);
    ::_exit(0);
  });
  say("ready");
  rest();
}

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

// -- Trees ----------------------------------------------------------------------------------------

int holder(const Words&) {  // leaves a child that keeps standard output open
  const pid_t child = fork_ready([](const auto& ready) {
    ready();
    rest();
  });
  say("child " + std::to_string(child));
  return 0;
}

int background(const Words&) {  // leaves a child that has let go of its streams
  const pid_t child = fork_ready([](const auto& ready) {
    let_go_of_streams();
    ready();
    rest();
  });
  say("child " + std::to_string(child));
  return 0;
}

int with_child(const Words& words) {  // [stubborn|escaped]: stays, with a child that stays
  const std::string how = word(words, 0);
  const pid_t child = fork_ready([&](const auto& ready) {
    if (how == "stubborn") {
      ::signal(SIGTERM, SIG_IGN);
    }
    if (how == "escaped") {
      ::setsid();
    }
    ready();
    rest();
  });
  say("child " + std::to_string(child));
  rest();
}

int against_parent(const Words& words) {  // SIGNAL [stay]: has a child, and signals its own parent
  const pid_t child = fork_ready([](const auto& ready) {
    let_go_of_streams();
    ready();
    rest();
  });
  ::kill(::getppid(), static_cast<int>(number(words, 0)));
  say("child " + std::to_string(child));
  if (word(words, 1) == "stay") {
    rest();
  }
  return 5;
}

int escape(const Words& words) {  // [hold]: leaves a daemon, made by setsid(2) and two forks
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return 98;
  }
  if (::fork() == 0) {
    ::setsid();
    if (::fork() == 0) {
      if (word(words, 0) != "hold") {
        let_go_of_streams();
      }
      const pid_t own = ::getpid();
      put(ends[1], std::string_view(reinterpret_cast<const char*>(&own), sizeof own));
      ::close(ends[1]);
      rest();
    }
    ::_exit(0);
  }
  pid_t daemon = 0;
  if (::read(ends[0], &daemon, sizeof daemon) != sizeof daemon) {
    return 97;
  }
  ::wait(nullptr);
  say("daemon " + std::to_string(daemon));
  if (word(words, 0) == "stay") {
    rest();
  }
  return 0;
}

int late(const Words&) {  // leaves a child that writes when the leader has gone, and ends
  int ends[2];
  if (::pipe(ends) != 0) {
    return 98;
  }
  if (::fork() == 0) {
    ::close(ends[1]);
    char byte = 0;
    while (::read(ends[0], &byte, 1) > 0) {
    }
    say("late");
    ::_exit(0);
  }
  say("early");
  return 0;
}

int spawn(const Words& words) {  // N: that many idle children
  const std::size_t count = number(words, 0);
  for (std::size_t index = 0; index < count; ++index) {
    const pid_t child = ::fork();
    if (child < 0) {
      return 97;
    }
    if (child == 0) {
      rest();
    }
  }
  say("ready");
  rest();
}

int deep(const Words& words) {  // N: a chain of that many descendants, the last says so
  const std::size_t depth = number(words, 0);
  for (std::size_t index = 0; index < depth; ++index) {
    const pid_t child = ::fork();
    if (child < 0) {
      return 97;
    }
    if (child != 0) {
      rest();
    }
  }
  say("ready");
  rest();
}

int fork_bomb(const Words& words) {  // [setsid]: forks as long as the system lets it
  const bool sessions = word(words, 0) == "setsid";
  say("ready");
  let_go_of_streams();
  for (;;) {
    const pid_t child = ::fork();
    if (child < 0) {
      ::sched_yield();
    }
    if (child == 0 && sessions) {
      ::setsid();
    }
  }
}

/// SIZE [and-rest]: touches that many bytes, says so, and waits if it is to.
int eat(const Words& words) {
  const std::size_t size = number(words, 0);
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    say("refused");
    return 1;
  }
  constexpr std::size_t page = 4096;
  for (std::size_t at = 0; at < size; at += page) {
    static_cast<volatile char*>(memory)[at] = 'x';
  }
  say("eaten");
  if (word(words, 1) == "and-rest") {
    rest();
  }
  return 0;
}

/// MILLISECONDS: computes for that long.
int burn(const Words& words) {
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::milliseconds(number(words, 0));
  while (Clock::now() < end) {
  }
  return 0;
}

/// Forks children that wait, until the system lets it no more; says how many, and waits.
int fill(const Words&) {
  std::size_t count = 0;
  for (;; ++count) {
    const pid_t child = ::fork();
    if (child == 0) {
      let_go_of_streams();
      rest();
    }
    if (child < 0) {
      break;
    }
  }
  say(std::to_string(count));
  rest();
}

int hopper(
    const Words& words) {  // LIFELINE: forks and exits in a circle, its number changes always
  if (::open(words.at(0).c_str(), O_WRONLY) < 0) {
    return 98;
  }
  say("ready");
  let_go_of_streams();
  for (;;) {
    const pid_t child = ::fork();
    if (child > 0) {
      ::_exit(0);
    }
  }
}

int stopped_member(const Words&) {  // leaves a child that has stopped itself
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return 98;
  }
  const pid_t child = ::fork();
  if (child == 0) {
    let_go_of_streams();
    ::raise(SIGSTOP);
    rest();
  }
  int status = 0;
  ::waitpid(child, &status, WUNTRACED);
  say("child " + std::to_string(child));
  if (!WIFSTOPPED(status)) {
    return 97;
  }
  char byte = 0;
  while (::read(0, &byte, 1) > 0) {
  }
  return 0;
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

// -- Work -----------------------------------------------------------------------------------------

volatile std::uint64_t* work_place = nullptr;  // NOLINT: a signal handler reads it

int work(
    const Words& words) {  // FILE: counts in it, notes where it was when SIGTERM came, and ends
  static SharedCounters counters(word(words, 0));
  work_place = counters.counters();
  ::signal(SIGTERM, [](int) {
    work_place[1] = work_place[0];
    work_place[2] = 1;
    ::_exit(0);
  });
  say("ready");
  for (;;) {
    work_place[0] = work_place[0] + 1;
  }
}

int note_signal(
    const Words& words) {  // SIGNAL: says "got" for each, with one child that does so too
  const int native = static_cast<int>(number(words, 0));
  ::signal(native, [](int) { put(1, "got\n"); });
  fork_ready([](const auto& ready) {
    ready();
    rest();
  });
  say("ready");
  rest();
}

// -- A look at itself -----------------------------------------------------------------------------

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

int report(const Words&) {
  std::ostringstream text;
  text << "fds=" << own_descriptors() << '\n';
  char directory[4096] = "";
  text << "cwd=" << (::getcwd(directory, sizeof directory) != nullptr ? directory : "") << '\n';
  text << "pid=" << ::getpid() << "\nsid=" << ::getsid(0) << "\npgid=" << ::getpgrp() << '\n';
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
  std::vector<gid_t> groups(256);
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  text << "groups=";
  for (int index = 0; index < count; ++index) {
    text << (index == 0 ? "" : " ") << groups[static_cast<std::size_t>(index)];
  }
  const mode_t mask = ::umask(0);
  ::umask(mask);
  text << "\numask=" << std::oct << mask << std::dec;
  errno = 0;
  text << "\nnice=" << ::getpriority(PRIO_PROCESS, 0);
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  ::sched_getaffinity(0, sizeof cpus, &cpus);
  text << "\ncpus=";
  bool first = true;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &cpus)) {
      text << (first ? "" : " ") << cpu;
      first = false;
    }
  }
  text << "\nno_new_privs=" << ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
  const std::pair<const char*, decltype(RLIMIT_CORE)> limits[] = {
      {"core_file_size", RLIMIT_CORE}, {"cpu_seconds", RLIMIT_CPU},
      {"data_segment", RLIMIT_DATA},   {"file_size", RLIMIT_FSIZE},
      {"open_files", RLIMIT_NOFILE},   {"stack", RLIMIT_STACK},
      {"address_space", RLIMIT_AS},    {"locked_memory", RLIMIT_MEMLOCK},
      {"processes", RLIMIT_NPROC},
  };
  for (const auto& [name, which] : limits) {
    rlimit limit{};
    ::getrlimit(which, &limit);
    text << "\nrlimit." << name << '=' << limit.rlim_cur << ' ' << limit.rlim_max;
  }
  text << "\nblocked=" << status_field("SigBlk") << "\nignored=" << status_field("SigIgn")
       << "\npending=" << status_field("SigPnd") << '\n';
  for (char** entry = environ; *entry != nullptr; ++entry) {
    text << "env." << *entry << '\n';
  }
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
  put(1, text.str());
  return 0;
}

int environment(const Words&) {
  std::string text;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    text += *entry;
    text += '\0';
  }
  put(1, text);
  return 0;
}

int create(const Words& words) {  // FILE: for a look at its mode
  const int fd = ::open(word(words, 0).c_str(), O_WRONLY | O_CREAT, 0666);
  return fd < 0 ? 1 : 0;
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

const std::map<std::string, std::function<int(const Words&)>>& all_roles() {
  static const std::map<std::string, std::function<int(const Words&)>> roles{
      {"alternate", alternate},
      {"arguments", arguments},
      {"against-parent", against_parent},
      {"background", background},
      {"burn", burn},
      {"burrow", burrow},
      {"close-input", close_input},
      {"count-input", count_input},
      {"create", create},
      {"deep", deep},
      {"eat", eat},
      {"echo", echo},
      {"emit", emit},
      {"environment", environment},
      {"escape", escape},
      {"exit", leave},
      {"fill", fill},
      {"flood", flood},
      {"fork-bomb", fork_bomb},
      {"holder", holder},
      {"hopper", hopper},
      {"host", play_host},
      {"last-words", last_words},
      {"late", late},
      {"lines", lines},
      {"main-thread-exits", main_thread_exits},
      {"note-signal", note_signal},
      {"polite", polite},
      {"print", print},
      {"raise", raise_signal},
      {"report", report},
      {"sleep", sleep_ready},
      {"spawn", spawn},
      {"stopped-member", stopped_member},
      {"stubborn", stubborn},
      {"ticks", ticks},
      {"tracer", tracer},
      {"vfork-blocked", vfork_blocked},
      {"with-child", with_child},
      {"work", work},
  };
  return roles;
}

}  // namespace

int play_role(const std::string& name, const std::vector<std::string>& words) {
  const auto found = all_roles().find(name);
  if (found == all_roles().end()) {
    std::cerr << "no role " << name << '\n';
    return 93;
  }
  return found->second(words);
}

}  // namespace support
