// Trees that have cgroups to hide in.
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "canary.hpp"
#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::Process;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::StopReport;
using treehold::Stream;

TEST_CASE("hostile groups inside a leaf, frozen and closed, are ended and removed",
          "[contract][adversarial]") {
  if (mechanism() != treehold::Mechanism::cgroup_v2) {
    skip("only a cgroup can have groups inside");
  }
  const Canary canary;
  for (const bool hard : {false, true}) {
    ProcessGroup group;
    Process leader = group.start(role("burrow"));
    const auto line = leader.read_line(Stream::out);
    REQUIRE(line.has_value());
    const PidWatch child(pid_after(*line, "child"));
    CHECK(group.members().size() == 2);
    const StopReport report = hard ? group.kill() : group.stop(50ms);
    CHECK(report.members_after.empty());
    CHECK(child.dead());
  }
  const Output late =
      timed_out_after("child", [](auto time) { return role("burrow").timeout(time).output(); });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
  CHECK(canary.survives());
}

TEST_CASE("a leaf that was tampered with is not used again", "[contract][adversarial]") {
  if (mechanism() != treehold::Mechanism::cgroup_v2) {
    skip("only a cgroup can be tampered with");
  }
  const Canary canary;
  // Leaves an empty group inside the leaf of a run that ends by itself.
  const std::string script =
      "mount=$(awk '$3 == \"cgroup2\" {print $2}' /proc/mounts | tail -n 1); "
      "own=$mount$(sed -n 's/^0:://p' /proc/self/cgroup); "
      "mkdir \"$own/left\" && chmod 000 \"$own\" && echo done";
  for (int count = 0; count < 5; ++count) {
    CHECK(Command("sh", {"-c", script}).run() == "done");
    CHECK(role("exit", {"3"}).exit_code() == 3);
  }
  CHECK(canary.survives());
}

TEST_CASE("a leader that moves out of its leaf is ended, and reported as lost",
          "[contract][adversarial]") {
  if (mechanism() != treehold::Mechanism::cgroup_v2) {
    skip("only a cgroup can be left so");
  }
  const char* const way = std::getenv("TREEHOLD_SPAWN");  // NOLINT: nobody sets it meanwhile
  if (way != nullptr && std::string_view(way) == "join") {
    skip("who was ended on the way into the leaf has not left it");
  }
  const Canary canary;
  const std::string script =
      "mount=$(awk '$3 == \"cgroup2\" {print $2}' /proc/mounts | tail -n 1); "
      "echo 0 >\"$mount$(sed -n 's/^0:://p' /proc/$1/cgroup)/cgroup.procs\" && echo moved; read -r "
      "end";
  const Command moving("sh", {"-c", script, "sh", std::to_string(::getpid())});
  CHECK_THROWS_AS(Command(moving).output(), treehold::ContainmentLost);
  for (const bool hard : {false, true}) {
    ProcessGroup group;
    Process leader = group.start(Command(moving).stdin_pipe());
    REQUIRE(leader.read_line(Stream::out) == "moved");
    const PidWatch watch(leader.pid());
    if (hard) {
      CHECK_THROWS_AS(group.kill(), treehold::ContainmentLost);
    } else {
      CHECK_THROWS_AS(group.stop(0s), treehold::ContainmentLost);
    }
    CHECK(watch.dead());
  }
  CHECK(canary.survives());
}

TEST_CASE("a parent that hangs in vfork does not hang a suspension", "[contract][adversarial]") {
  if (!guarantees().atomic_freeze.holds) {
    skip("this mechanism does not stop it: " + guarantees().atomic_freeze.reason);
  }
  const Canary canary;
  ProcessGroup group;
  Process leader = group.start(role("vfork-blocked"));
  REQUIRE(leader.read_line(Stream::out).has_value());
  REQUIRE(leader.read_line(Stream::out) == "blocked");
  group.suspend();
  group.resume();
  group.suspend();
  CHECK(group.stop(hang_bound).members_after.empty());
  CHECK(canary.survives());
}
