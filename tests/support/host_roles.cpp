// Programs that use treehold in surroundings that a test could not make for itself without harm.
// Each scenario says what went wrong on the descriptor that standard output was at its start.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "fifo.hpp"
#include "host.hpp"
#include "roles.hpp"
#include "support.hpp"

namespace support {

using namespace plain;

namespace {

using treehold::Command;
using treehold::ExitStatusLost;
using treehold::NotOwner;
using treehold::Outcome;
using treehold::Output;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::Signal;
using treehold::Stream;

bool no_child_left() {
  siginfo_t info{};
  return ::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT | __WALL) != 0 && errno == ECHILD;
}

/// The verbs, once each, and what they must tell.
void expect_verbs(Host& host) {
  const Output out = role("emit", {"to out", "to err", "3"}).output();
  EXPECT(out.stdout_bytes == "to out");
  EXPECT(out.stderr_bytes == "to err");
  EXPECT(out.outcome == Outcome::exited(3));
  EXPECT(role("echo").stdin_bytes("through\n").run() == "through");
  EXPECT(role("exit", {"5"}).exit_code() == 5);
  EXPECT(role("exit", {"0"}).probe());
  const Output late = role("sleep").timeout(300ms).output();
  EXPECT(late.outcome == Outcome::timed_out());
  ProcessGroup group;
  Process child = group.start(role("stubborn"));
  EXPECT(child.read_line(Stream::out) == "ready");
  EXPECT(!group.members().empty());
  const treehold::StopReport stopped = group.stop(50ms);
  EXPECT(stopped.members_after.empty());
  EXPECT(stopped.escalated);
}

void expect_clean_child(Host& host) {
  const auto report = parse_report(role("report").output().stdout_bytes);
  EXPECT(report.at("fds") == "0 1 2");
  EXPECT(report.at("blocked") == "0000000000000000");
  EXPECT(report.at("ignored") == "0000000000000000");
  EXPECT(report.at("pending") == "0000000000000000");
}

// -- Descriptors ----------------------------------------------------------------------------------

void closed_descriptors(Host& host, const std::vector<std::string>& words) {
  for (const char digit : words.at(1)) {
    ::close(digit - '0');
  }
  expect_verbs(host);
  expect_clean_child(host);
  const Output merged = role("alternate", {"20"}).stderr_to_stdout().output();
  EXPECT(merged.stdout_bytes.rfind("0\n1\n2\n3\n", 0) == 0);
  // A stream that the host has closed is /dev/null for a child that inherits it.
  const auto report = parse_report(role("report").stdin_inherit().stderr_inherit().run());
  EXPECT(report.at("fds") == "0 1 2");
  for (const char digit : words.at(1)) {
    if (digit != '1') {
      EXPECT(report.at(std::string("fd") + digit) == "/dev/null");
    }
  }
}

void many_descriptors(Host& host, const std::vector<std::string>& words) {
  const auto most = static_cast<rlim_t>(std::stoull(words.at(1)));
  const rlimit limit{most, most};
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    throw SkipHost{"may not raise RLIMIT_NOFILE to " + words.at(1)};
  }
  // Some of them open and inheritable, up to the very last.
  for (int count = 0; count < 3000; ++count) {
    (void)::fcntl(1, F_DUPFD, 300);
  }
  (void)::dup2(1, static_cast<int>(most) - 1);
  expect_clean_child(host);
  expect_verbs(host);
  const auto report = parse_report(role("report").run());
  EXPECT(report.at("rlimit.open_files") == words.at(1) + " " + words.at(1));
  for (int count = 0; count < repeats(50, 5); ++count) {
    EXPECT(quick().exit_code() == 0);
  }
}

// -- Signals --------------------------------------------------------------------------------------

void child_signal_ignored(Host& host, const std::vector<std::string>& words) {
  struct sigaction action {};
  action.sa_handler = words.at(1) == "ignore" ? SIG_IGN : SIG_DFL;
  action.sa_flags = words.at(1) == "ignore" ? 0 : SA_NOCLDWAIT;
  ::sigaction(SIGCHLD, &action, nullptr);
  EXPECT(guarantees().exit_status_kept.holds);
  for (int count = 0; count < repeats(20, 4); ++count) {
    const Output out = role("emit", {"seen", "", "3"}).output();
    EXPECT(out.stdout_bytes == "seen");
    EXPECT(out.outcome == Outcome::exited(3));
    EXPECT(out.resource_use.has_value());
    EXPECT(role("exit", {"4"}).exit_code() == 4);
    EXPECT(role("emit", {"x\n", "", "0"}).run() == "x");
    EXPECT(role("raise", {"10"}).output().outcome == Outcome::signalled(10, false));
  }
  EXPECT(role("sleep").timeout(200ms).output().outcome == Outcome::timed_out());
  EXPECT_THROWS_AS(treehold::ProgramNotFound, Command("/no/such/program").output());
  EXPECT_THROWS_AS(treehold::SpawnFailed, quick().current_dir("/no/such/directory").output());
  {
    ProcessGroup group;
    Process child = group.start(role("with-child"));
    (void)child.read_line(Stream::out);
    EXPECT(group.stop(5s).members_after.empty());
    EXPECT(group.members().empty());
  }
  expect_clean_child(host);
  struct sigaction after {};
  ::sigaction(SIGCHLD, nullptr, &after);
  EXPECT(after.sa_handler == action.sa_handler);
}

void pipe_signal_ignored(Host& host, const std::vector<std::string>&) {
  ::signal(SIGPIPE, SIG_IGN);
  expect_clean_child(host);
  expect_verbs(host);
  EXPECT(::signal(SIGPIPE, SIG_IGN) == SIG_IGN);
  // A child that is not handed the disposition dies of the signal.
  EXPECT(role("raise", {std::to_string(SIGPIPE)}).output().outcome ==
         Outcome::signalled(SIGPIPE, false));
}

void signals_blocked(Host& host, const std::vector<std::string>&) {
  sigset_t all;
  sigset_t before;
  sigset_t after;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &before);
  expect_clean_child(host);
  expect_verbs(host);
  const Output polite = support::timed_out_after("ready", [](auto time) {
    return role("polite").timeout(time).timeout_grace(hang_bound).output();
  });
  EXPECT(polite.outcome == Outcome::timed_out());
  EXPECT(polite.stdout_bytes == "ready\nsoft\n");
  // Feeding a child that has gone must not leave a SIGPIPE pending.
  EXPECT(role("exit", {"0"}).stdin_bytes(std::string(1 << 20, 'x')).output().outcome.success());
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT(::sigismember(&pending, SIGPIPE) == 0);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
  for (int native = 1; native < 32; ++native) {
    EXPECT(::sigismember(&before, native) == ::sigismember(&after, native));
  }
}

void signals_ignored(Host& host, const std::vector<std::string>&) {
  for (int native = 1; native < 65; ++native) {
    if (native != SIGCHLD) {
      ::signal(native, SIG_IGN);
    }
  }
  expect_clean_child(host);
  expect_verbs(host);
}

/// Whether a pidfd tells the status of a process that another party has reaped: Linux 6.15.
bool kernel_keeps_statuses() {
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

void status_thief(Host& host, const std::vector<std::string>&) {
  const bool kept = kernel_keeps_statuses();
  std::atomic<bool> end = false;
  std::thread thief([&] {
    while (!end) {
      if (::waitpid(-1, nullptr, __WALL) < 0) {
        std::this_thread::yield();
      }
    }
  });
  for (int count = 0; count < repeats(100, 20); ++count) {
    try {
      const Output out = role("emit", {"seen", "", "3"}).output();
      EXPECT(out.stdout_bytes == "seen");
      EXPECT(out.outcome == Outcome::exited(3) || (!kept && out.outcome == Outcome::unknown()));
    } catch (const std::exception& error) {
      host.say(error.what());
      EXPECT(false && "a stolen status is no failure of the start");
    }
    try {
      EXPECT(role("exit", {"4"}).exit_code() == 4);
    } catch (const ExitStatusLost&) {
      EXPECT(!kept);
    }
    EXPECT_THROWS_AS(treehold::SpawnFailed, quick().current_dir("/no/such/directory").output());
  }
  {
    ProcessGroup group;
    Process child = group.start(role("with-child"));
    (void)child.read_line(Stream::out);
    (void)group.kill();
    EXPECT(group.members().empty());
  }
  end = true;
  // The thief may be waiting for a child: give it one.
  if (const pid_t last = ::fork(); last == 0) {
    ::_exit(0);
  }
  thief.join();
}

// -- Forks ----------------------------------------------------------------------------------------

/// All verbs of both handles say that they belong to another process.
void expect_strangers(Host& host, ProcessGroup& group, Process& child) {
  EXPECT_THROWS_AS(NotOwner, group.start(quick()));
  EXPECT_THROWS_AS(NotOwner, group.output(quick()));
  EXPECT_THROWS_AS(NotOwner, group.run(quick()));
  EXPECT_THROWS_AS(NotOwner, group.checked(quick()));
  EXPECT_THROWS_AS(NotOwner, group.exit_code(quick()));
  EXPECT_THROWS_AS(NotOwner, group.probe(quick()));
  EXPECT_THROWS_AS(NotOwner, group.members());
  EXPECT_THROWS_AS(NotOwner, group.signal(Signal::terminate));
  EXPECT_THROWS_AS(NotOwner, group.suspend());
  EXPECT_THROWS_AS(NotOwner, group.resume());
  EXPECT_THROWS_AS(NotOwner, group.kill());
  EXPECT_THROWS_AS(NotOwner, group.stop(0s));
  EXPECT_THROWS_AS(NotOwner, group.wait_empty(0s));
  EXPECT_THROWS_AS(NotOwner, child.wait());
  EXPECT_THROWS_AS(NotOwner, child.wait_for(0s));
  EXPECT_THROWS_AS(NotOwner, child.output());
  EXPECT_THROWS_AS(NotOwner, child.kill());
  EXPECT_THROWS_AS(NotOwner, child.signal(Signal::terminate));
  EXPECT_THROWS_AS(NotOwner, child.stop(0s));
  EXPECT_THROWS_AS(NotOwner, child.members());
  EXPECT_THROWS_AS(NotOwner, child.input().write("x"));
  EXPECT_THROWS_AS(NotOwner, child.input().close());
  EXPECT_THROWS_AS(NotOwner, child.read_some(Stream::out));
  EXPECT_THROWS_AS(NotOwner, child.read_line(Stream::out));
  EXPECT_THROWS_AS(NotOwner, child.read_all(Stream::out));
}

void forks(Host& host, const std::vector<std::string>&) {
  std::optional<ProcessGroup> group;
  std::optional<Process> child;
  std::optional<Process> own;
  group.emplace();
  const Fifo gate;
  std::optional<treehold::AsCompleted> many(
      treehold::as_completed({Command("head", {"-c", "1", gate.path()})}, 1));
  child = group->start(role("echo").stdin_pipe());
  own = role("echo").stdin_pipe().start();
  const auto child_pid = static_cast<pid_t>(child->pid());
  const auto own_pid = static_cast<pid_t>(own->pid());
  const pid_t fork_pid = ::fork();
  if (fork_pid == 0) {
    expect_strangers(host, *group, *child);
    EXPECT_THROWS_AS(NotOwner, many->next());
    // The fork may use treehold for itself.
    EXPECT(role("emit", {"mine\n", "", "0"}).run() == "mine");
    {
      ProcessGroup second;
      EXPECT(second.exit_code(role("exit", {"6"})) == 6);
    }
    child.reset();
    own.reset();
    many.reset();
    group.reset();
    EXPECT(alive(child_pid));
    EXPECT(alive(own_pid));
    // A plain exit: destructors of static objects run in the fork.
    std::exit(host.failed() ? 1 : 0);  // NOLINT: on purpose
  }
  int status = 0;
  ::waitpid(fork_pid, &status, 0);
  EXPECT(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  EXPECT(alive(child_pid));
  EXPECT(alive(own_pid));
  child->input().write("still here\n");
  EXPECT(child->read_line(Stream::out) == "still here");
  own->input().write("me too\n");
  EXPECT(own->read_line(Stream::out) == "me too");
  EXPECT(gate.write("x"));
  EXPECT(many->next()->result.value().stdout_bytes == "x");
  EXPECT(group->exit_code(role("exit", {"4"})) == 4);
  EXPECT(group->stop(0s).members_after.empty());
  EXPECT(!alive(child_pid));
  own.reset();
  EXPECT(!alive(own_pid));
  child.reset();
  group.reset();
  EXPECT(no_child_left());
}

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

std::map<std::string, Scenario> make_scenarios() {
  std::map<std::string, Scenario> scenarios{
      {"child-signal", child_signal_ignored},
      {"closed-descriptors", closed_descriptors},
      {"first-process", first_process},
      {"forks", forks},
      {"hidden-processes", hidden_processes},
      {"many-descriptors", many_descriptors},
      {"pipe-signal-ignored", pipe_signal_ignored},
      {"refused-spawn", refused_spawn},
      {"signals-blocked", signals_blocked},
      {"signals-ignored", signals_ignored},
      {"status-thief", status_thief},
      {"subreaper", subreaper},
      {"umbrella", umbrella},
      {"without-clone3", without_clone3},
      {"unprivileged", unprivileged},
  };
  scenarios.merge(limit_scenarios());
  scenarios.merge(doomed_scenarios());
  scenarios.merge(program_scenarios());
  scenarios.merge(copy_scenarios());
  return scenarios;
}

const std::map<std::string, Scenario>& all_scenarios() {
  static const std::map<std::string, Scenario> scenarios = make_scenarios();
  return scenarios;
}

}  // namespace

int play_host(const std::vector<std::string>& words) {
  Host host;
  const auto found = words.empty() ? all_scenarios().end() : all_scenarios().find(words[0]);
  if (found == all_scenarios().end()) {
    host.say("no such scenario");
    return 93;
  }
  try {
    found->second(host, words);
  } catch (const SkipHost& skipped) {
    host.say(skipped.reason);
    return skipped_status;
  } catch (const std::exception& error) {
    host.say(std::string("threw: ") + error.what());
    return 1;
  }
  return host.failed() ? 1 : 0;
}

}  // namespace support
