// Hosts that are killed by their test, or go in a way that tells nobody. Each says what is to end
// with it: "pid NUMBER" and "group DIRECTORY"; what is not: "apart NUMBER"; and then "ready".
#include <signal.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include <treehold/guardian.hpp>

#include "host.hpp"
#include "linux/scenarios.hpp"
#include "support.hpp"

namespace support {

using namespace plain;

namespace {

namespace fs = std::filesystem;

using treehold::Command;
using treehold::GroupOptions;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;

/// Trees that do not end by themselves.
class Trees {
 public:
  explicit Trees(Host& host, const GroupOptions& options = {}) : group_(options) {
    start(host, group_.start(role("with-child", {"stubborn"})), "child ");
    start(host, group_.start(role("with-child", {"escaped"})), "child ");
    if (group_.guarantees().escape_contained.holds) {
      start(host, group_.start(role("escape", {"stay"})), "daemon ");
    }
    start(host, group_.start(role("spawn", {"20"})), "");
    start(host, role("with-child", {"stubborn"}).start(), "child ");
    EXPECT(group_.members().size() > 20);
    for (const treehold::ProcessId member : group_.members()) {
      host.say("pid " + std::to_string(member));
    }
    for (const fs::path umbrella : own_umbrellas()) {
      host.say("group " + umbrella.string());
      for (const fs::path place : own_v1_cgroups()) {
        if (fs::exists(place / umbrella.filename())) {
          host.say("group " + (place / umbrella.filename()).string());
        }
      }
    }
  }

  [[nodiscard]] const ProcessGroup& group() const noexcept { return group_; }

 private:
  void start(Host& host, Process process, const std::string& word) {
    const std::string line = process.read_line(Stream::out).value_or("");
    host.say("pid " + std::to_string(process.pid()));
    if (!word.empty()) {
      host.say("pid " + line.substr(word.size()));
    }
    processes_.push_back(std::move(process));
  }

  ProcessGroup group_;
  std::vector<Process> processes_;
};

/// Until the test has seen all that is to end, and closes our standard input.
void wait_to_be_let_go(Host& host) {
  host.say("ready");
  char byte = 0;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {
  }
}

void killed(Host& host, const std::vector<std::string>&) {
  const Trees trees(host);
  EXPECT(trees.group().guarantees().survives_host_kill.holds);
  host.wait_to_be_killed();
}

void killed_with_limits(Host& host, const std::vector<std::string>&) {
  GroupOptions options;
  options.limits.processes = 100;
  const Trees trees(host, options);
  host.wait_to_be_killed();
}

void replaced(Host& host, const std::vector<std::string>&) {
  const Trees trees(host);
  wait_to_be_let_go(host);
  ::execlp("sleep", "sleep", "100000", nullptr);
}

void leaves_in_haste(Host& host, const std::vector<std::string>&) {
  const Trees trees(host);
  wait_to_be_let_go(host);
  ::_exit(0);
}

void forgets_its_groups(Host& host, const std::vector<std::string>&) {
  (void)std::make_unique<Trees>(host).release();
  wait_to_be_let_go(host);
  std::exit(0);  // NOLINT: destructors of static objects are part of the test
}

/// Its guardian dies first: it notices with the next start.
void killed_after_its_guardian(Host& host, const std::vector<std::string>&) {
  const Trees trees(host);
  const pid_t guardian = guardian_of(::getpid());
  EXPECT(guardian > 0);
  if (guardian > 0) {
    ::kill(guardian, SIGKILL);
  }
  EXPECT(wait_until([] { return guardian_of(::getpid()) == 0; }));
  EXPECT(!trees.group().guarantees().survives_host_kill.holds);
  EXPECT(quick().exit_code() == 0);
  EXPECT(trees.group().guarantees().survives_host_kill.holds);
  EXPECT(guardian_of(::getpid()) != guardian);
  host.wait_to_be_killed();
}

/// Sends its guardian away, which takes nothing along.
void killed_unguarded(Host& host, const std::vector<std::string>&) {
  const Trees trees(host);
  EXPECT(trees.group().guarantees().survives_host_kill.holds);
  treehold::set_guardian_policy(treehold::GuardianPolicy::off);
  EXPECT(treehold::guardian_policy() == treehold::GuardianPolicy::off);
  EXPECT(!trees.group().guarantees().survives_host_kill.holds);
  EXPECT(guardian_of(::getpid()) == 0);
  host.wait_to_be_killed();
}

void killed_with_limits_unguarded(Host& host, const std::vector<std::string>& words) {
  treehold::set_guardian_policy(treehold::GuardianPolicy::off);
  killed_with_limits(host, words);
}

/// A fork that lives on has no part in the groups.
void killed_with_a_fork(Host& host, const std::vector<std::string>&) {
  const Trees trees(host);
  const pid_t fork = ::fork();
  if (fork == 0) {
    for (;;) {
      ::pause();
    }
  }
  host.say("apart " + std::to_string(fork));
  host.wait_to_be_killed();
}

/// A daemon leaves a process group and the tree of its leader.
void killed_with_a_daemon(Host& host, const std::vector<std::string>&) {
  const Trees trees(host);
  ProcessGroup group;
  Process escaping = group.start(role("escape", {"stay"}));
  const std::string daemon =
      escaping.read_line(Stream::out).value_or("").substr(std::string("daemon ").size());
  host.say((group.guarantees().escape_contained.holds ? "pid " : "apart ") + daemon);
  host.wait_to_be_killed();
}

/// Lets its test stop it at every system call from here on.
void one_start(Host&, const std::vector<std::string>&) {
  if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) {
    return;
  }
  ::raise(SIGSTOP);
  {
    ProcessGroup group;
    Process stays = group.start(role("with-child", {"stubborn"}));
    (void)stays.read_line(Stream::out);
    (void)quick().no_new_privileges().exit_code();
    (void)group.stop(std::chrono::seconds(0));
  }
  ::_exit(0);
}

/// Starts without end, so that it is killed at any moment of a start or an end.
void busy(Host& host, const std::vector<std::string>&) {
  host.say("ready");
  std::vector<std::thread> threads;
  for (int count = 0; count < 2; ++count) {
    threads.emplace_back([] {
      for (;;) {
        ProcessGroup group;
        Process stays = group.start(role("with-child", {"stubborn"}));
        (void)group.start(Command("true").no_new_privileges());
        (void)Command("true").exit_code();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

}  // namespace

std::map<std::string, Scenario> doomed_scenarios() {
  return {
      {"busy", busy},
      {"forgets-its-groups", forgets_its_groups},
      {"killed", killed},
      {"killed-after-its-guardian", killed_after_its_guardian},
      {"killed-unguarded", killed_unguarded},
      {"killed-with-a-daemon", killed_with_a_daemon},
      {"killed-with-a-fork", killed_with_a_fork},
      {"killed-with-limits", killed_with_limits},
      {"killed-with-limits-unguarded", killed_with_limits_unguarded},
      {"leaves-in-haste", leaves_in_haste},
      {"one-start", one_start},
      {"replaced", replaced},
  };
}

}  // namespace support
