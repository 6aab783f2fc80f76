// Members that have left the process group are found by their descent as long as their parents
// live.
#include <signal.h>

#include <optional>
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "canary.hpp"
#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Process;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::Stream;

namespace {

/// The child of a leader that stays, and has a session of its own.
pid_t escaped_child(Process& leader) {
  const std::optional<std::string> line = leader.read_line(Stream::out);
  REQUIRE(line.has_value());
  return pid_after(*line, "child");
}

}  // namespace

TEST_CASE("a member in a session of its own is listed, stopped and ended", "[contract]") {
  const Canary canary;
  for (const bool hard : {false, true}) {
    ProcessGroup group;
    Process leader = group.start(role("with-child", {"escaped"}));
    const PidWatch child(escaped_child(leader));
    CHECK(group.members().size() == 2);
    group.suspend();
    group.resume();
    CHECK_FALSE(child.dead());
    const treehold::StopReport report = hard ? group.kill() : group.stop(50ms);
    CHECK(report.members_before.size() == 2);
    CHECK(report.members_after.empty());
    CHECK(child.wait_dead());
  }
  CHECK(canary.survives());
}

TEST_CASE("a time-out ends a member in a session of its own", "[contract]") {
  const Canary canary;
  const Output late = timed_out_after(
      "child", [](auto time) { return role("with-child", {"escaped"}).timeout(time).output(); });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
  CHECK(canary.survives());
}

TEST_CASE("a member that was seen is ended although its parents are gone", "[contract]") {
  const Canary canary;
  ProcessGroup group;
  Process leader = group.start(role("with-child", {"escaped"}));
  const PidWatch child(escaped_child(leader));
  CHECK(group.members().size() == 2);
  const PidWatch parent(leader.pid());
  parent.kill(SIGKILL);
  REQUIRE(parent.wait_dead());
  CHECK(group.members().size() == 1);
  CHECK(group.kill().members_after.empty());
  CHECK(child.wait_dead());
  CHECK(canary.survives());
}
