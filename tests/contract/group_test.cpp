// Groups: their members, signals, suspension and end.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "signals.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::idle;
using forms::Process;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using treehold::GroupClosed;
using treehold::GroupSuspended;
using treehold::Outcome;
using treehold::ProcessId;
using treehold::Signal;
using treehold::StopReport;
using treehold::Stream;

namespace {

using Clock = std::chrono::steady_clock;

std::vector<ProcessId> sorted(std::vector<ProcessId> pids) {
  std::sort(pids.begin(), pids.end());
  return pids;
}

/// Starts a role and waits for the first line it says.
Process start_ready(ProcessGroup& group, const Command& command, std::string* said = nullptr) {
  Process child = group.start(command);
  const auto line = child.read_line(Stream::out);
  REQUIRE(line.has_value());
  if (said != nullptr) {
    *said = *line;
  }
  return child;
}

/// Some time in which others can run.
void let_others_run() {
  for (int count = 0; count < 5; ++count) {
    (void)role("exit", {"0"}).output();
  }
}

}  // namespace

TEST_CASE("members are the whole tree, and the living only", "[contract]") {
  ProcessGroup group;
  CHECK(group.members().empty());
  std::string said;
  Process first = start_ready(group, role("with-child"), &said);
  const pid_t child = pid_after(said, "child");
  CHECK(sorted(group.members()) == sorted({first.pid(), child}));
  Process second = start_ready(group, role("sleep"));
  CHECK(sorted(group.members()) == sorted({first.pid(), child, second.pid()}));
  CHECK(second.members() == std::vector<ProcessId>{second.pid()});
  CHECK(group.exit_code(quick()) == 0);
  second.kill();
  CHECK(second.wait() == Outcome::signalled(SIGKILL, false));
  CHECK(sorted(group.members()) == sorted({first.pid(), child}));
}

TEST_CASE("members include what has escaped where the group says so", "[contract]") {
  ProcessGroup group;
  std::string said;
  Process leader = start_ready(group, role("escape", {"stay"}), &said);
  const pid_t daemon = pid_after(said, "daemon");
  const PidWatch watch(daemon);
  const auto members = group.members();
  const bool listed = std::find(members.begin(), members.end(), daemon) != members.end();
  CHECK(listed == group.guarantees().members_complete.holds);
  (void)group.kill();
  CHECK(watch.dead() == group.guarantees().escape_contained.holds);
  watch.kill(SIGKILL);
  CHECK(watch.wait_dead());
}

TEST_CASE("a signal reaches all members", "[contract]") {
  ProcessGroup group;
  std::vector<Process> children;
  for (int count = 0; count < 3; ++count) {
    children.push_back(start_ready(group, role("note-signal", {std::to_string(SIGUSR1)})));
  }
  CHECK(group.signal(Signal::user1) == 6);
  for (Process& child : children) {
    CHECK(child.read_line(Stream::out) == "got");
    CHECK(child.read_line(Stream::out) == "got");
  }
  CHECK(group.members().size() == 6);
  CHECK(children[1].signal(Signal::user1) == 2);
  CHECK(children[1].read_line(Stream::out) == "got");
  CHECK(children[1].read_line(Stream::out) == "got");
  CHECK(group.signal(Signal::kill) == 6);
  CHECK(group.wait_empty(hang_bound));
  CHECK(group.signal(Signal::user1) == 0);
}

TEST_CASE("signals go by their names and by the system's numbers", "[contract]") {
  const std::vector<std::pair<Signal, int>> signals{
      {Signal::hangup, SIGHUP},
      {Signal::interrupt, SIGINT},
      {Signal::quit, SIGQUIT},
      {Signal::terminate, SIGTERM},
      {Signal::user1, SIGUSR1},
      {Signal::user2, SIGUSR2},
      {Signal::alarm, SIGALRM},
      {Signal::kill, SIGKILL},
      {treehold::native_signal(rare_signal(1)), rare_signal(1)}};
  for (const auto& [signal, native] : signals) {
    INFO(native);
    Process child = role("sleep").resource_limit(treehold::Resource::core_file_size, 0, 0).start();
    REQUIRE(child.read_line(Stream::out) == "ready");
    CHECK(child.signal(signal) == 1);
    CHECK(child.wait() == Outcome::signalled(native, false));
  }
}

TEST_CASE("a signal that the system does not have is refused", "[contract]") {
  ProcessGroup group;
  Process child = start_ready(group, role("sleep"));
  CHECK_THROWS_AS(group.signal(treehold::native_signal(999)), treehold::Error);
  CHECK_THROWS_AS(group.signal(treehold::native_signal(0)), treehold::Error);
  CHECK_THROWS_AS(child.signal(treehold::native_signal(-5)), treehold::Error);
  CHECK(group.members().size() == 1);
}

// -- Suspension
// -------------------------------------------------------------------------------------

TEST_CASE("a suspended group does no work until it is resumed", "[contract]") {
  const TempDir here;
  const SharedCounters first(here / "first");
  const SharedCounters second(here / "second");
  ProcessGroup group;
  Process one = start_ready(group, role("work", {here / "first"}));
  Process two = start_ready(group, role("work", {here / "second"}));
  CHECK(wait_until([&] { return first.work() > 0 && second.work() > 0; }));
  group.suspend();
  const std::uint64_t first_before = first.work();
  const std::uint64_t second_before = second.work();
  let_others_run();
  CHECK(first.work() == first_before);
  CHECK(second.work() == second_before);
  CHECK(group.members().size() == 2);
  group.suspend();
  CHECK(first.work() == first_before);
  group.resume();
  CHECK(wait_until([&] { return first.work() > first_before && second.work() > second_before; }));
  group.resume();
  CHECK(group.members().size() == 2);
}

TEST_CASE("suspension covers descendants", "[contract]") {
  const TempDir here;
  const SharedCounters counters(here / "work");
  ProcessGroup group;
  Process shell = start_ready(
      group, Command("sh", {"-c", "\"$0\" --role=work \"$1\" & wait", self(), here / "work"}));
  CHECK(wait_until([&] { return counters.work() > 0; }));
  group.suspend();
  const std::uint64_t before = counters.work();
  let_others_run();
  CHECK(counters.work() == before);
}

TEST_CASE("a start into a suspended group is refused at once", "[contract]") {
  ProcessGroup group;
  Process child = start_ready(group, role("sleep"));
  group.suspend();
  CHECK_THROWS_AS(group.start(quick()), GroupSuspended);
  CHECK_THROWS_AS(group.output(quick()), GroupSuspended);
  CHECK_THROWS_AS(group.run(quick()), GroupSuspended);
  CHECK(group.members().size() == 1);
  group.resume();
  CHECK(group.exit_code(quick()) == 0);
}

TEST_CASE("an empty group can be suspended", "[contract]") {
  ProcessGroup group;
  group.suspend();
  CHECK_THROWS_AS(group.start(quick()), GroupSuspended);
  group.resume();
  CHECK(group.exit_code(quick()) == 0);
  group.suspend();
  CHECK_FALSE(group.stop(1s).escalated);
}

/// The role "work" never leaves its loop there to let its handler run.
void skip_where_handlers_are_deferred() {
#if defined(TREEHOLD_TEST_SANITIZED_THREADS)
  skip("the thread sanitizer defers a handler until the next system call");
#endif
}

TEST_CASE("no work is done between the soft signal and the thaw", "[contract]") {
  skip_where_handlers_are_deferred();
  const TempDir here;
  for (int round = 0; round < repeats(20, 5); ++round) {
    const std::string file = here / std::to_string(round);
    const SharedCounters counters(file);
    ProcessGroup group;
    Process child = start_ready(group, role("work", {file}));
    CHECK(wait_until([&] { return counters.work() > 0; }));
    group.suspend();
    const std::uint64_t before = counters.work();
    const StopReport report = group.stop(hang_bound);
    CHECK(report.soft_signal_sent);
    CHECK(report.drained_in_grace);
    CHECK_FALSE(report.escalated);
    REQUIRE(counters.signalled());
    CHECK(counters.work_at_signal() == before);
    CHECK(counters.work() == before);
    CHECK(child.wait() == Outcome::exited(0));
  }
}

TEST_CASE("a suspended group can be killed and used again", "[contract]") {
  ProcessGroup group;
  std::string said;
  Process child = start_ready(group, role("with-child"), &said);
  const PidWatch descendant(pid_after(said, "child"));
  group.suspend();
  const StopReport report = group.kill();
  CHECK(report.members_after.empty());
  CHECK(descendant.dead());
  CHECK(child.wait() == Outcome::signalled(SIGKILL, false));
  // Killing does not resume: that is a word of its own.
  group.resume();
  CHECK(group.exit_code(role("exit", {"3"})) == 3);
}

TEST_CASE("a suspended process is ended by its own kill and by its destructor", "[contract]") {
  ProcessGroup group;
  std::optional<Process> first = start_ready(group, role("sleep"));
  Process second = start_ready(group, role("sleep"));
  group.suspend();
  const PidWatch watch(first->pid());
  first.reset();
  CHECK(watch.dead());
  second.kill();
  CHECK(second.wait() == Outcome::signalled(SIGKILL, false));
}

TEST_CASE("a suspended group is destroyed like any other", "[contract]") {
  std::optional<PidWatch> watch;
  {
    ProcessGroup group;
    Process child = start_ready(group, role("stubborn"));
    watch.emplace(child.pid());
    group.suspend();
  }
  CHECK(watch->dead());
}

TEST_CASE("a signal leaves a suspended group suspended", "[contract]") {
  skip_where_handlers_are_deferred();
  const TempDir here;
  const SharedCounters counters(here / "work");
  ProcessGroup group;
  Process child = start_ready(group, role("work", {here / "work"}));
  CHECK(wait_until([&] { return counters.work() > 0; }));
  group.suspend();
  const std::uint64_t before = counters.work();
  CHECK(group.signal(Signal::terminate) == 1);
  let_others_run();
  CHECK(counters.work() == before);
  CHECK_FALSE(counters.signalled());
  CHECK_THROWS_AS(group.start(quick()), GroupSuspended);
  group.resume();
  CHECK(child.wait() == Outcome::exited(0));
  CHECK(counters.work_at_signal() == before);
}

TEST_CASE("a time-out ends a child of a suspended group", "[contract]") {
  ProcessGroup group;
  Process child =
      with_time_enough([&](auto time) { return group.start(role("sleep").timeout(time)); },
                       [](Process& late) { return late.read_line(Stream::out) == "ready"; });
  group.suspend();
  CHECK(child.wait() == Outcome::timed_out());
  CHECK(group.members().empty());
}

// -- The end
// ----------------------------------------------------------------------------------------

TEST_CASE("stop is soft where members obey", "[contract]") {
  ProcessGroup group;
  Process first = start_ready(group, role("polite"));
  Process second = start_ready(group, role("polite"));
  const StopReport report = group.stop(hang_bound);
  CHECK(sorted(report.members_before) == sorted({first.pid(), second.pid()}));
  CHECK(report.members_after.empty());
  CHECK(report.soft_signal_sent);
  CHECK(report.drained_in_grace);
  CHECK_FALSE(report.escalated);
  CHECK(report.elapsed > 0ns);
  CHECK(report.elapsed < hang_bound);
  CHECK(first.wait() == Outcome::exited(7));
  CHECK(second.output().stdout_bytes == "soft\n");
}

TEST_CASE("stop kills who does not obey", "[contract]") {
  ProcessGroup group;
  Process polite = start_ready(group, role("polite"));
  std::string said;
  Process parent = start_ready(group, role("with-child", {"stubborn"}), &said);
  const pid_t stubborn = pid_after(said, "child");
  const StopReport report = group.stop(100ms);
  CHECK(report.members_before.size() == 3);
  CHECK(report.members_after.empty());
  CHECK(report.soft_signal_sent);
  CHECK_FALSE(report.drained_in_grace);
  CHECK(report.escalated);
  CHECK(report.elapsed >= 100ms);
  CHECK_FALSE(alive(stubborn));
  CHECK(polite.wait() == Outcome::exited(7));
  CHECK(parent.wait() == Outcome::signalled(SIGTERM, false));
}

TEST_CASE("the soft signal of a group can be chosen", "[contract]") {
  ProcessGroup group({.soft_signal = Signal::user2});
  Process child = start_ready(group, role("polite", {std::to_string(SIGUSR2)}));
  CHECK(group.stop(hang_bound).drained_in_grace);
  CHECK(child.wait() == Outcome::exited(7));
}

TEST_CASE("stop reaches members that are stopped themselves", "[contract]") {
  ProcessGroup group;
  Process child = start_ready(group, role("polite"));
  CHECK(group.signal(Signal::stop) == 1);
  CHECK(wait_until([&] { return state_of(static_cast<pid_t>(child.pid())) == 'T'; }));
  const StopReport report = group.stop(hang_bound);
  CHECK(report.drained_in_grace);
  CHECK(child.wait() == Outcome::exited(7));
}

TEST_CASE("an empty group stops without a word", "[contract]") {
  ProcessGroup group;
  const StopReport report = group.stop(hang_bound);
  CHECK(report.members_before.empty());
  CHECK(report.members_after.empty());
  CHECK_FALSE(report.soft_signal_sent);
  CHECK_FALSE(report.escalated);
  CHECK(report.elapsed < hang_bound);
}

TEST_CASE("after stop a group is closed, and a second stop is harmless", "[contract]") {
  ProcessGroup group;
  Process child = start_ready(group, role("stubborn"));
  (void)group.stop(0s);
  CHECK_THROWS_AS(group.start(quick()), GroupClosed);
  CHECK_THROWS_AS(group.output(quick()), GroupClosed);
  CHECK_THROWS_AS(group.run(quick()), GroupClosed);
  const StopReport again = group.stop(hang_bound);
  CHECK(again.members_before.empty());
  CHECK(again.members_after.empty());
  CHECK(group.members().empty());
  CHECK(group.signal(Signal::terminate) == 0);
  CHECK(group.wait_empty(0s));
  for (const auto& verb : {std::function<void()>([&] { group.suspend(); }),
                           std::function<void()>([&] { group.resume(); }),
                           std::function<void()>([&] { (void)group.kill(); })}) {
    try {
      verb();
    } catch (const GroupClosed& error) {
      CHECK(error.code() == treehold::Errc::group_closed);
    }
  }
  CHECK(child.wait() == Outcome::signalled(SIGKILL, false));
}

TEST_CASE("a group is used again after kill", "[contract]") {
  ProcessGroup group;
  for (int round = 0; round < 5; ++round) {
    std::string said;
    Process child = start_ready(group, role("with-child", {"stubborn"}), &said);
    const pid_t descendant = pid_after(said, "child");
    const StopReport report = group.kill();
    CHECK(report.members_before.size() == 2);
    CHECK(report.members_after.empty());
    CHECK(report.escalated);
    CHECK_FALSE(report.soft_signal_sent);
    CHECK_FALSE(alive(descendant));
    CHECK(group.members().empty());
    CHECK(child.wait() == Outcome::signalled(SIGKILL, false));
    CHECK(group.run(role("emit", {"again\n", "", "0"})) == "again");
  }
}

TEST_CASE("destroying a group ends its whole tree", "[contract]") {
  std::optional<PidWatch> leader;
  std::optional<PidWatch> descendant;
  {
    ProcessGroup group;
    std::string said;
    Process child = start_ready(group, role("with-child", {"stubborn"}), &said);
    leader.emplace(child.pid());
    descendant.emplace(pid_after(said, "child"));
  }
  CHECK(leader->dead());
  CHECK(descendant->dead());
}

TEST_CASE("an exception on the way ends the tree", "[contract]") {
  pid_t pid = 0;
  try {
    ProcessGroup group;
    Process child = start_ready(group, role("with-child"));
    pid = static_cast<pid_t>(child.pid());
    throw std::runtime_error("on the way");
  } catch (const std::runtime_error&) {
    CHECK_FALSE(alive(pid));
    CHECK(marked_processes().empty());
  }
}

TEST_CASE("wait_empty waits for the last member", "[contract]") {
  ProcessGroup group;
  CHECK(group.wait_empty());
  CHECK(group.wait_empty(0s));
  Process child = start_ready(group, role("sleep"));
  CHECK_FALSE(group.wait_empty(0s));
  CHECK_FALSE(group.wait_empty(20ms));
  std::thread killer([&] { child.kill(); });
  CHECK(group.wait_empty(hang_bound));
  killer.join();
  CHECK(group.members().empty());
}

TEST_CASE("wait_empty sees the end of members that nobody waits for", "[contract]") {
  ProcessGroup group;
  const std::string said = group.run(role("background"));
  const PidWatch child(pid_after(said, "child"));
  CHECK_FALSE(group.wait_empty(20ms));
  std::thread killer([&] { child.kill(SIGKILL); });
  CHECK(group.wait_empty());
  killer.join();
}

TEST_CASE("the end of a group leaves the exit statuses to those who ask for them", "[contract]") {
  ProcessGroup group;
  Process child = group.start(role("exit", {"3"}));
  const pid_t pid = static_cast<pid_t>(child.pid());
  REQUIRE(wait_until([pid] { return !alive(pid); }));
  (void)group.stop(0s);
  const treehold::Output output = child.output();
  CHECK(output.outcome == Outcome::exited(3));
  CHECK(output.resource_use.has_value());
}

TEST_CASE("without descriptors nothing is taken for ended", "[contract]") {
  if (sanitized) {
    skip("the sanitizers need descriptors for their own checks");
  }
  ProcessGroup group;
  Process leader = group.start(role("with-child"));
  REQUIRE(leader.read_line(Stream::out).has_value());
  bool refused = false;
  bool empty = false;
  {
    const DescriptorLimit none(0);
    try {
      (void)group.stop(0s);
    } catch (const boost::system::system_error&) {
      refused = true;
    }
    try {
      empty = group.wait_empty(0s);
    } catch (const boost::system::system_error&) {
    }
  }
  CHECK(refused);
  CHECK_FALSE(empty);
  CHECK(group.stop(0s).members_after.empty());
}

TEST_CASE("groups do not touch each other", "[contract]") {
  const Canary canary;
  ProcessGroup first;
  ProcessGroup second;
  Process in_first = start_ready(first, role("sleep"));
  Process in_second = start_ready(second, role("sleep"));
  CHECK(first.members() == std::vector<ProcessId>{in_first.pid()});
  (void)first.stop(0s);
  CHECK(second.members() == std::vector<ProcessId>{in_second.pid()});
  CHECK(second.signal(Signal::stop) == 1);
  CHECK(canary.survives());
}

TEST_CASE("a group can be moved", "[contract]") {
  ProcessGroup first;
  Process child = start_ready(first, role("sleep"));
  ProcessGroup second = std::move(first);
  CHECK(second.members().size() == 1);
  ProcessGroup third;
  Process other = start_ready(third, role("sleep"));
  const PidWatch watch(other.pid());
  third = std::move(second);
  CHECK(watch.dead());
  CHECK(third.members() == std::vector<ProcessId>{child.pid()});
}

TEST_CASE("a group tells its mechanism and what that is worth", "[contract]") {
  const ProcessGroup group;
  CHECK(group.guarantees().mechanism == group.mechanism());
  if (group.mechanism() == treehold::Mechanism::cgroup_v2) {
    CHECK(group.guarantees().escape_contained.holds);
    CHECK(group.guarantees().members_complete.holds);
    CHECK(group.guarantees().atomic_freeze.holds);
    CHECK(group.guarantees().fork_bomb_contained.holds);
  }
  if (group.mechanism() == treehold::Mechanism::process_group) {
    CHECK_FALSE(group.guarantees().escape_contained.holds);
    CHECK_FALSE(group.guarantees().atomic_freeze.holds);
  }
}

TEST_CASE("a group is used by many threads at once", "[contract]") {
  ProcessGroup group;
  std::vector<Process> children;
  for (int count = 0; count < 4; ++count) {
    children.push_back(start_ready(group, role("stubborn")));
  }
  std::vector<std::thread> threads;
  for (int index = 0; index < 4; ++index) {
    threads.emplace_back([&, index] {
      for (int round = 0; round < repeats(50, 10); ++round) {
        (void)group.members();
        (void)group.signal(Signal::user1);
        if (index == 0) {
          group.suspend();
          group.resume();
        }
        if (index == 1) {
          (void)group.wait_empty(1ms);
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  CHECK(group.members().size() == 4);
  CHECK(group.stop(0s).members_after.empty());
}

TEST_CASE("a group of many that nobody attends is ended at once", "[contract]") {
  // Each leader stays a zombie, since no member that waits takes its status: the mechanism must
  // tell all of them from living ones without a look at the whole system for each.
  ProcessGroup group;
  std::vector<Process> many;
  for (int i = 0; i < 100; ++i) {
    many.push_back(group.start(idle().stdout_null().stderr_null()));
  }
  CHECK(group.members().size() == many.size());
  CHECK(group.kill().confirmed);
  CHECK(group.members().empty());
}
