// Small child programs. Each says on standard output when it has reached the state it is for, so
// that a test can wait for it.
#include "roles.hpp"

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <sstream>

#include "role_tools.hpp"
#include "support.hpp"

extern "C" char** environ;

namespace support {

void put(int stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(stream, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) {
        continue;
      }
      ::_exit(99);
    }
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

std::size_t take(char* buffer, std::size_t size) {
  const ssize_t count = ::read(0, buffer, size);
  if (count < 0) {
    ::_exit(96);
  }
  return static_cast<std::size_t>(count);
}

void rest() {
  for (;;) {
    ::pause();
  }
}

long long own_number() {
  return ::getpid();
}

namespace {

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

// -- Trees ----------------------------------------------------------------------------------------

/// [SIZE CODE]: leaves a child that keeps standard output open, after SIZE bytes of the pattern.
int holder(const Words& words) {
  const pid_t child = fork_ready([](const auto& ready) {
    ready();
    rest();
  });
  say("child " + std::to_string(child));
  put(1, pattern(number(words, 0)));
  return static_cast<int>(number(words, 1));
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
  say("child " + std::to_string(child) + " of " + std::to_string(::getpid()));
  rest();
}

int parent(const Words& words) {  // ROLE [WORD ...]: stays, with a child that plays it
  const pid_t child = ::fork();
  if (child < 0) {
    return 97;
  }
  if (child == 0) {
    ::_exit(play_role(words.at(0), Words(words.begin() + 1, words.end())));
  }
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
  if (pipe_for_us(ends) != 0) {
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
  if (pipe_for_us(ends) != 0) {
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

int report(const Words&) {
  std::ostringstream text;
  char directory[4096] = "";
  text << "cwd=" << (::getcwd(directory, sizeof directory) != nullptr ? directory : "") << '\n';
  text << "pid=" << ::getpid() << "\nsid=" << ::getsid(0) << "\npgid=" << ::getpgrp() << '\n';
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
  text << '\n';
  for (char** entry = environ; *entry != nullptr; ++entry) {
    text << "env." << *entry << '\n';
  }
  text << system_report();
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

const std::map<std::string, Role>& all_roles() {
  static const std::map<std::string, Role> roles = [] {
    std::map<std::string, Role> all{
        {"against-parent", against_parent},
        {"background", background},
        {"close-input", close_input},
        {"deep", deep},
        {"eat", eat},
        {"environment", environment},
        {"escape", escape},
        {"exit", leave},
        {"fill", fill},
        {"fork-bomb", fork_bomb},
        {"holder", holder},
        {"hopper", hopper},
        {"host", play_host},
        {"last-words", last_words},
        {"late", late},
        {"note-signal", note_signal},
        {"parent", parent},
        {"polite", polite},
        {"raise", raise_signal},
        {"report", report},
        {"spawn", spawn},
        {"stopped-member", stopped_member},
        {"stubborn", stubborn},
        {"with-child", with_child},
        {"work", work},
    };
    all.merge(plain_roles());
    all.merge(system_roles());
    return all;
  }();
  return roles;
}

}  // namespace

int play_role(const std::string& name, const std::vector<std::string>& words) {
  const auto found = all_roles().find(name);
  if (found == all_roles().end()) {
    std::cerr << "no role " << name << '\n';
    return 93;
  }
#if defined(TREEHOLD_TEST_SANITIZED_THREADS)
  // A signal in the midst of the first call that may block is lost there (seen 9 times in 7500).
  ::poll(nullptr, 0, 0);
#endif
  return found->second(words);
}

}  // namespace support
