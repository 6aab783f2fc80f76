// Groups: their members, suspension and end.
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

#include "canary.hpp"
#include "forms.hpp"
#include "group_tools.hpp"
#include "support.hpp"

using namespace support;
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

TEST_CASE("members are the whole tree, and the living only", "[contract]") {
  ProcessGroup group;
  CHECK(group.members().empty());
  std::string said;
  Process first = start_ready(group, role("with-child"), &said);
  const ProcessId child = pid_after(said, "child");
  CHECK(sorted(group.members()) == sorted({first.pid(), child}));
  Process second = start_ready(group, role("sleep"));
  CHECK(sorted(group.members()) == sorted({first.pid(), child, second.pid()}));
  CHECK(second.members() == std::vector<ProcessId>{second.pid()});
  CHECK(group.exit_code(quick()) == 0);
  second.kill();
  CHECK(second.wait() == Outcome::signalled(9, false));
  CHECK(sorted(group.members()) == sorted({first.pid(), child}));
}

TEST_CASE("members include what has escaped where the group says so", "[contract]") {
  ProcessGroup group;
  std::string said;
  Process leader = start_ready(group, role("escape", {"stay"}), &said);
  const ProcessId daemon = pid_after(said, "daemon");
  const PidWatch watch(daemon);
  const auto members = group.members();
  const bool listed = std::find(members.begin(), members.end(), daemon) != members.end();
  CHECK(listed == group.guarantees().members_complete.holds);
  (void)group.kill();
  CHECK(watch.dead() == group.guarantees().escape_contained.holds);
  watch.kill();
  CHECK(watch.wait_dead());
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
  Process leader = start_ready(group, role("parent", {"work", here / "work"}));
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

TEST_CASE("a suspended group can be killed and used again", "[contract]") {
  ProcessGroup group;
  std::string said;
  Process child = start_ready(group, role("with-child"), &said);
  const PidWatch descendant(pid_after(said, "child"));
  group.suspend();
  const StopReport report = group.kill();
  CHECK(report.members_after.empty());
  CHECK(descendant.dead());
  CHECK(child.wait() == Outcome::signalled(9, false));
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
  CHECK(second.wait() == Outcome::signalled(9, false));
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
  CHECK(child.wait() == Outcome::signalled(9, false));
}

TEST_CASE("a group is used again after kill", "[contract]") {
  ProcessGroup group;
  for (int round = 0; round < 5; ++round) {
    std::string said;
    Process child = start_ready(group, role("with-child", {"stubborn"}), &said);
    const ProcessId descendant = pid_after(said, "child");
    const StopReport report = group.kill();
    CHECK(report.members_before.size() == 2);
    CHECK(report.members_after.empty());
    CHECK(report.escalated);
    CHECK_FALSE(report.soft_signal_sent);
    CHECK_FALSE(alive(descendant));
    CHECK(group.members().empty());
    CHECK(child.wait() == Outcome::signalled(9, false));
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
  ProcessId pid = 0;
  try {
    ProcessGroup group;
    Process child = start_ready(group, role("with-child"));
    pid = child.pid();
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
  std::thread killer([&] { child.kill(); });
  CHECK(group.wait_empty());
  killer.join();
}

TEST_CASE("the end of a group leaves the exit statuses to those who ask for them", "[contract]") {
  ProcessGroup group;
  Process child = group.start(role("exit", {"3"}));
  const ProcessId pid = child.pid();
  REQUIRE(wait_until([pid] { return !alive(pid); }));
  (void)group.stop(0s);
  const treehold::Output output = child.output();
  CHECK(output.outcome == Outcome::exited(3));
  require_resource_use();
  CHECK(output.resource_use.has_value());
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
  CHECK(second.signal(Signal::kill) == 1);
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
