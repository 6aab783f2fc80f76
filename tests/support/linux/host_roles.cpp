// Hosts in surroundings that only Linux has.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "host.hpp"
#include "host_expectations.hpp"
#include "linux/scenarios.hpp"
#include "roles.hpp"
#include "support.hpp"

namespace support {

using namespace plain;

namespace {

using treehold::Command;
using treehold::Outcome;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Stream;

// -- PID 1 ----------------------------------------------------------------------------------------

/// What only the first process of a PID namespace sees: all orphans fall to it.
void as_first_process(Host& host) {
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("proc", "/proc", "proc", 0, nullptr) != 0) {
    throw SkipHost{"may not mount /proc: " + std::string(std::strerror(errno))};
  }
  EXPECT(::getpid() == 1);
  const bool contained = guarantees().escape_contained.holds;
  expect_verbs(host);
  EXPECT(no_child_left());
  for (int count = 0; count < repeats(20, 5); ++count) {
    (void)role("background").run();
    EXPECT(no_child_left());
    if (contained) {
      (void)role("escape").run();
      EXPECT(no_child_left());
    }
  }
  {
    ProcessGroup group;
    (void)group.run(role("background"));
    if (contained) {
      (void)group.run(role("escape"));
    }
    EXPECT(group.members().size() == (contained ? 2U : 1U));
    EXPECT(group.kill().members_after.empty());
    EXPECT(no_child_left());
    Process spawn = group.start(role("spawn", {"20"}));
    EXPECT(spawn.read_line(Stream::out) == "ready");
    EXPECT(group.stop(5s).members_after.empty());
    spawn.wait();
    EXPECT(no_child_left());
  }
  {
    ProcessGroup group;
    std::vector<Process> together;
    for (int count = 0; count < repeats(50, 5); ++count) {
      together.push_back(group.start(role("spawn", {"3"})));
      EXPECT(together.back().read_line(Stream::out) == "ready");
    }
    EXPECT(group.kill().members_after.empty());
    for (Process& one : together) {
      one.wait();
    }
    EXPECT(no_child_left());
  }
  // Children of its own are none of treehold's business.
  const pid_t own = ::fork();
  if (own == 0) {
    ::_exit(9);
  }
  (void)role("background").run();
  int status = 0;
  EXPECT(::waitpid(own, &status, 0) == own);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 9);
}

void first_process(Host& host, const std::vector<std::string>&) {
  if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0) {
    throw SkipHost{"may not make a PID namespace: " + std::string(std::strerror(errno))};
  }
  const pid_t first = ::fork();
  if (first == 0) {
    int code = 0;
    try {
      as_first_process(host);
      code = host.failed() ? 1 : 0;
    } catch (const SkipHost& skipped) {
      host.say(skipped.reason);
      code = skipped_status;
    } catch (const std::exception& error) {
      host.say(std::string("threw: ") + error.what());
      code = 1;
    }
    std::exit(code);  // NOLINT: destructors of static objects are part of the test
  }
  int status = 0;
  ::waitpid(first, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == skipped_status) {
    throw SkipHost{"see above"};
  }
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

// -- Others
// -----------------------------------------------------------------------------------------

void subreaper(Host& host, const std::vector<std::string>&) {
  // The guardian would fall to this process, too, and stay.
  treehold::set_guardian_policy(treehold::GuardianPolicy::off);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  expect_verbs(host);
  for (int count = 0; count < repeats(20, 5); ++count) {
    (void)role("background").run();
    EXPECT(no_child_left());
  }
}

void unprivileged(Host& host, const std::vector<std::string>&) {
  if (::setresgid(54322, 54322, 54322) != 0 || ::setresuid(54321, 54321, 54321) != 0) {
    throw SkipHost{"may not change to an unprivileged user"};
  }
  const auto stage_of = [](const Command& command) -> std::optional<treehold::SpawnStage> {
    try {
      (void)command.output();
    } catch (const treehold::SpawnFailed& error) {
      return error.stage();
    }
    return std::nullopt;
  };
  ::setenv("TREEHOLD_MECHANISM", "process_group", 1);
  EXPECT(stage_of(quick().uid(0)) == treehold::SpawnStage::credentials);
  EXPECT(stage_of(quick().gid(0)) == treehold::SpawnStage::credentials);
  EXPECT(stage_of(quick().groups({0})) == treehold::SpawnStage::credentials);
  EXPECT(stage_of(quick().nice(-5)) == treehold::SpawnStage::priority);
  EXPECT(stage_of(quick().resource_limit(treehold::Resource::open_files, 1 << 30, 1 << 30)) ==
         treehold::SpawnStage::resource_limits);
  EXPECT(no_child_left());
}

/// An unprivileged host to which /proc shows no process of another user.
void hidden_processes(Host& host, const std::vector<std::string>&) {
  if (::unshare(CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("proc", "/proc", "proc", 0, "hidepid=2") != 0) {
    throw SkipHost{"may not mount /proc: " + std::string(std::strerror(errno))};
  }
  if (::setresgid(54322, 54322, 54322) != 0 || ::setresuid(54321, 54321, 54321) != 0) {
    throw SkipHost{"may not change to an unprivileged user"};
  }
  EXPECT(::access("/proc/1", F_OK) != 0);
  {
    ProcessGroup group;
    const std::string escape = group.guarantees().escape_contained.holds ? "setsid " : "";
    Process child = group.start(
        Command("sh", {"-c", "sleep 1000 & " + escape + "sleep 1000 & echo ready; wait"})
            .current_dir("/"));
    EXPECT(child.read_line(Stream::out) == "ready");
    EXPECT(group.members().size() == 3);
    EXPECT(group.guarantees().survives_host_kill.holds);
    EXPECT(group.stop(0s).members_after.empty());
    EXPECT(child.wait().kind() == Outcome::Kind::signalled);
  }
  EXPECT(Command("sh", {"-c", "exit 3"}).current_dir("/").exit_code() == 3);
  EXPECT(no_child_left());
}

/// As container engines filter system calls: clone3 is answered with an error, or ends the caller.
void without_clone3(Host& host, const std::vector<std::string>& words) {
  ::unsetenv("TREEHOLD_SPAWN");  // what can be done is to be found out
  const std::uint32_t answer = words.at(1) == "kill"      ? SECCOMP_RET_KILL_PROCESS
                               : words.at(1) == "missing" ? SECCOMP_RET_ERRNO | ENOSYS
                                                          : SECCOMP_RET_ERRNO | EPERM;
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, answer),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(filter), filter};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    throw SkipHost{"may not filter system calls: " + std::string(std::strerror(errno))};
  }
  expect_verbs(host);
  expect_clean_child(host);
  {
    ProcessGroup group;
    EXPECT(group.mechanism() == mechanism());
    Process child = group.start(role("with-child"));
    (void)child.read_line(Stream::out);
    EXPECT(group.members().size() == 2);
    EXPECT(group.stop(hang_bound).members_after.empty());
  }
  EXPECT(no_child_left());
}

void refused_spawn(Host& host, const std::vector<std::string>&) {
  ::setenv("TREEHOLD_SPAWN", "no-such-way", 1);
  for (int count = 0; count < 3; ++count) {
    EXPECT_THROWS_AS(treehold::Error, quick().output());
    EXPECT_THROWS_AS(treehold::Error, ProcessGroup().output(quick()));
  }
  EXPECT(no_child_left());
}

void umbrella(Host& host, const std::vector<std::string>&) {
  // Leaves the umbrella behind for whoever looks after our end.
  EXPECT(role("exit", {"0"}).exit_code() == 0);
  ProcessGroup group;
  EXPECT(group.exit_code(role("exit", {"0"})) == 0);
  for (const std::string& target : kept_descriptors()) {
    host.say("holds " + target);
  }
}

}  // namespace

/// A pidfd tells it: Linux 6.15.
bool statuses_outlive_reaping() {
  if (portable) {
    return false;
  }
  utsname system{};
  ::uname(&system);
  int major = 0;
  int minor = 0;
  std::istringstream release(system.release);
  release >> major;
  release.ignore(1);
  release >> minor;
  return std::pair(major, minor) >= std::pair(6, 15);
}

std::map<std::string, Scenario> system_scenarios() {
  std::map<std::string, Scenario> scenarios{
      {"first-process", first_process}, {"hidden-processes", hidden_processes},
      {"refused-spawn", refused_spawn}, {"subreaper", subreaper},
      {"umbrella", umbrella},           {"without-clone3", without_clone3},
      {"unprivileged", unprivileged},
  };
  scenarios.merge(limit_scenarios());
  scenarios.merge(doomed_scenarios());
  scenarios.merge(program_scenarios());
  scenarios.merge(copy_scenarios());
  return scenarios;
}

}  // namespace support
