// Programs that use treehold in surroundings that a test could not make for itself without harm.
// Each scenario says what went wrong on the descriptor that standard output was at its start.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <thread>

#include "fifo.hpp"
#include "host.hpp"
#include "host_expectations.hpp"
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
  const bool kept = guarantees().exit_status_kept.holds;
  EXPECT(kept != (portable && mechanism() == treehold::Mechanism::process_group));
  const auto expected = [kept](const Outcome& told) { return kept ? told : Outcome::unknown(); };
  for (int count = 0; count < repeats(20, 4); ++count) {
    const Output out = role("emit", {"seen", "", "3"}).output();
    EXPECT(out.stdout_bytes == "seen");
    EXPECT(out.outcome == expected(Outcome::exited(3)));
    EXPECT(out.resource_use.has_value() == kept);
    EXPECT(role("raise", {"10"}).output().outcome == expected(Outcome::signalled(10, false)));
    if (kept) {
      EXPECT(role("exit", {"4"}).exit_code() == 4);
      EXPECT(role("emit", {"x\n", "", "0"}).run() == "x");
    } else {
      EXPECT_THROWS_AS(ExitStatusLost, role("exit", {"4"}).exit_code());
    }
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
  sigfillset(&all);
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
  EXPECT(role("exit", {"0"})
             .stdin_bytes(std::string(support::more_than_a_pipe, 'x'))
             .output()
             .outcome.success());
  sigset_t pending;
  ::sigpending(&pending);
  EXPECT(sigismember(&pending, SIGPIPE) == 0);
  ::pthread_sigmask(SIG_BLOCK, nullptr, &after);
  for (int native = 1; native < 32; ++native) {
    EXPECT(sigismember(&before, native) == sigismember(&after, native));
  }
}

void signals_ignored(Host& host, const std::vector<std::string>&) {
  for (int native = 1; native < NSIG; ++native) {
    if (native != SIGCHLD) {
      ::signal(native, SIG_IGN);
    }
  }
  expect_clean_child(host);
  expect_verbs(host);
}

void status_thief(Host& host, const std::vector<std::string>&) {
  const bool kept = statuses_outlive_reaping();
  std::atomic<bool> end = false;
  std::thread thief([&] {
    while (!end) {
      if (::waitpid(-1, nullptr, 0) < 0) {
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

std::map<std::string, Scenario> make_scenarios() {
  std::map<std::string, Scenario> scenarios{
      {"child-signal", child_signal_ignored},
      {"closed-descriptors", closed_descriptors},
      {"forks", forks},
      {"many-descriptors", many_descriptors},
      {"pipe-signal-ignored", pipe_signal_ignored},
      {"signals-blocked", signals_blocked},
      {"signals-ignored", signals_ignored},
      {"status-thief", status_thief},
  };
  scenarios.merge(system_scenarios());
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
