// When a run is over, and that nothing is left of it then.
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::ProcessId;
using treehold::WaitScope;

TEST_CASE("a grandchild holding stdout does not delay the return", "[contract]") {
  const Output done = role("holder").output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.duration < hang_bound);
  CHECK_FALSE(done.incomplete);
  const ProcessId child = pid_after(done.stdout_bytes, "child");
  CHECK_FALSE(alive(child));
  REQUIRE(done.stop.has_value());
  CHECK(done.stop->members_before == std::vector<ProcessId>{child});
  CHECK(done.stop->members_after.empty());
  CHECK(done.stop->escalated);
}

TEST_CASE("a background child ends with the run", "[contract]") {
  const std::string said = role("background").run();
  CHECK_FALSE(alive(pid_after(said, "child")));
  CHECK(marked_processes().empty());
}

TEST_CASE("a daemon of setsid and two forks ends with the run", "[contract]") {
  const bool contained = guarantees().escape_contained.holds;
  const std::string said = role("escape").run();
  const ProcessId daemon = pid_after(said, "daemon");
  CHECK(alive(daemon) == !contained);
  if (!contained) {
    const PidWatch watch(daemon);
    watch.kill();
    CHECK(watch.wait_dead());
  }
}

TEST_CASE("a daemon that holds stdout does not delay the return", "[contract]") {
  const bool contained = guarantees().escape_contained.holds;
  const Output done = role("escape", {"hold"}).output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.duration < hang_bound);
  const ProcessId daemon = pid_after(done.stdout_bytes, "daemon");
  CHECK(alive(daemon) == !contained);
  CHECK(done.incomplete == !contained);
  if (!contained) {
    const PidWatch watch(daemon);
    watch.kill();
    CHECK(watch.wait_dead());
  }
}

TEST_CASE("all that was written before the leader's exit is read", "[contract]") {
  const std::size_t size = 500000;
  const Output done = role("holder", {std::to_string(size), "3"}).output();
  CHECK(done.outcome == Outcome::exited(3));
  const bool all = done.stdout_bytes.ends_with(pattern(size));
  CHECK(all);
  CHECK_FALSE(done.incomplete);
}

TEST_CASE("a run can wait for the whole tree", "[contract]") {
  const Output done = role("late").wait_scope(WaitScope::tree).output();
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.stdout_bytes == "early\nlate\n");
  CHECK_FALSE(done.incomplete);
  CHECK_FALSE(done.stop.has_value());
  ProcessGroup group;
  CHECK(group.run(role("late").wait_scope(WaitScope::tree)) == "early\nlate");
  CHECK(group.members().empty());
}

TEST_CASE("waiting for the whole tree has its time-out", "[contract]") {
  const Output late = timed_out_after("child", [](auto time) {
    return role("background").wait_scope(WaitScope::tree).timeout(time).output();
  });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
}

TEST_CASE("in a shared group the descendants live on", "[contract]") {
  ProcessGroup group;
  const std::string said = group.run(role("background"));
  const PidWatch child(pid_after(said, "child"));
  CHECK_FALSE(child.dead());
  CHECK(group.members().size() == 1);
  CHECK(group.kill().members_after.empty());
  CHECK(child.dead());
}

TEST_CASE("in a shared group an open stream is drained for its grace and then cut", "[contract]") {
  ProcessGroup group;
  const Output done = group.output(role("holder").drain_grace(50ms));
  CHECK(done.outcome == Outcome::exited(0));
  CHECK(done.incomplete);
  CHECK_FALSE(done.stop.has_value());
  const PidWatch child(pid_after(done.stdout_bytes, "child"));
  CHECK_FALSE(child.dead());
  const Output unasked = group.output(role("holder"));
  CHECK(unasked.incomplete);
  const Output at_once = group.output(role("holder").drain_grace(0ns));
  CHECK(at_once.incomplete);
  CHECK(at_once.stdout_bytes.rfind("child ", 0) == 0);
  CHECK(group.members().size() == 3);
}

TEST_CASE("in a shared group a stream that ends within the grace is complete", "[contract]") {
  ProcessGroup group;
  const Output done = group.output(role("late").drain_grace(hang_bound));
  CHECK(done.stdout_bytes == "early\nlate\n");
  CHECK_FALSE(done.incomplete);
  CHECK(done.duration < hang_bound);
  CHECK(group.wait_empty(hang_bound));
}
