// Programs that turn against the process that holds their tree together, where that is one.
#include <signal.h>

#include <cstddef>
#include <fstream>
#include <string>

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
using treehold::ContainmentLost;
using treehold::Outcome;
using treehold::StopReport;
using treehold::Stream;

namespace {

void require_keeper() {
  if (mechanism() != treehold::Mechanism::reaper) {
    skip("this mechanism has no keeper");
  }
}

pid_t parent_of(treehold::ProcessId pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string word;
  while (status >> word && word != "PPid:") {
  }
  pid_t parent = 0;
  status >> parent;
  return parent;
}

/// Of a tree whose keeper has been killed once the leader was ready.
Process start_and_lose(ProcessGroup& group, const Command& command) {
  Process leader = group.start(command);
  CHECK(leader.read_line(Stream::out) == "ready");
  const pid_t keeper = parent_of(leader.pid());
  REQUIRE(::kill(keeper, SIGKILL) == 0);
  CHECK(wait_until([&] { return parent_of(leader.pid()) != keeper; }));
  return leader;
}

}  // namespace

TEST_CASE("a run whose keeper is killed is reported as lost", "[contract][adversarial][keeper]") {
  require_keeper();
  const Canary canary;
  Process leader = role("against-parent", {std::to_string(SIGKILL)}).start();
  const PidWatch child(pid_after(leader.read_line(Stream::out).value_or(""), "child"));
  CHECK_THROWS_AS(leader.wait(), ContainmentLost);
  child.kill(SIGKILL);  // an orphan by then, of whom nobody knows
  CHECK(child.wait_dead());
  CHECK(canary.survives());
}

TEST_CASE("a group of which a keeper is killed ends what it still finds, and says so",
          "[contract][adversarial][keeper]") {
  require_keeper();
  const Canary canary;
  for (const bool hard : {false, true}) {
    ProcessGroup group;
    Process leader = group.start(role("against-parent", {std::to_string(SIGKILL), "stay"}));
    Process other = group.start(role("with-child"));
    const PidWatch child(pid_after(leader.read_line(Stream::out).value_or(""), "child"));
    CHECK(other.read_line(Stream::out).has_value());
    CHECK(wait_until([&] { return group.members().size() == 4; }));
    try {
      hard ? group.kill() : group.stop(50ms);
      FAIL_CHECK("nothing was said");
    } catch (const ContainmentLost& lost) {
      CHECK(lost.report().members_before.size() == 4);
      CHECK(lost.report().confirmed);
      CHECK_FALSE(lost.report().contained);
    }
    CHECK(child.dead());
    CHECK(group.members().empty());
  }
  CHECK(canary.survives());
}

TEST_CASE("a chain whose keeper is killed is ended to its last member",
          "[contract][adversarial][keeper]") {
  require_keeper();
  const Canary canary;
  constexpr std::size_t depth = 100;  // more than are sent a signal at a time
  for (const bool hard : {false, true}) {
    ProcessGroup group;
    const Process leader = start_and_lose(group, role("deep", {std::to_string(depth)}));
    CHECK(group.members().size() == depth + 1);
    CHECK_THROWS_AS(hard ? group.kill() : group.stop(50ms), ContainmentLost);
    CHECK(marked_processes().size() == 1);  // the canary
  }
  CHECK(canary.survives());
}

TEST_CASE("an orphan that ignores the soft signal is ended although its keeper was killed",
          "[contract][adversarial][keeper]") {
  require_keeper();
  const Canary canary;
  ProcessGroup group;
  const Process leader = start_and_lose(
      group, Command("sh", {"-c", "(trap '' TERM; echo ready; exec sleep 100000) & wait"}));
  CHECK_THROWS_AS(group.stop(50ms), ContainmentLost);
  CHECK(marked_processes().size() == 1);  // the canary
  CHECK(canary.survives());
}

TEST_CASE("a keeper that is stopped ends its tree all the same",
          "[contract][adversarial][keeper]") {
  require_keeper();
  const Canary canary;
  ProcessGroup group;
  Process leader = group.start(role("against-parent", {std::to_string(SIGSTOP), "stay"}));
  const PidWatch child(pid_after(leader.read_line(Stream::out).value_or(""), "child"));
  const StopReport report = group.kill();
  CHECK(report.contained);
  CHECK(child.dead());
  CHECK(leader.wait() == Outcome::signalled(SIGKILL, false));
  CHECK(canary.survives());
}

TEST_CASE("a leader tells its end though its keeper is stopped",
          "[contract][adversarial][keeper]") {
  require_keeper();
  const Canary canary;
  CHECK(role("against-parent", {std::to_string(SIGSTOP)}).exit_code() == 5);
  CHECK(canary.survives());
}

TEST_CASE("the keeper is not found by the words of its program", "[contract][keeper]") {
  require_keeper();
  Process leader = role("with-child").start();
  CHECK(leader.read_line(Stream::out).has_value());
  CHECK(marked_processes().size() == 2);
}
