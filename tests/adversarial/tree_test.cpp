// Trees that do not want to end. Each has a canary outside, which must not be touched.
#include <signal.h>
#include <sys/stat.h>

#include <string>
#include <vector>

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
using treehold::Resource;
using treehold::StopReport;
using treehold::Stream;

namespace {

/// The user under which the present fork bomb runs: nothing else does. Each bomb has one of its
/// own, since the zombies of the one before count as processes of its user until somebody reaps
/// them; and so have those of the mechanisms, whose runs are beside each other.
std::uint32_t bomber = 0;  // NOLINT

Command fork_bomb(const std::vector<std::string>& arguments, std::uint64_t processes) {
  if (bomber == 0) {
    bomber = 60000 + 100 * static_cast<std::uint32_t>(mechanism());
  }
  ++bomber;
  Command command(self_for_everybody());
  command.arg("--role=fork-bomb").args(arguments).current_dir("/");
  // Hundreds of processes that do nothing but fork leave little of a slow machine to who ends them;
  // but to die each needs a turn itself, which the nicest waited seconds for on a busy one.
  command.nice(10);
  return command.uid(bomber).gid(bomber).resource_limit(Resource::processes, processes, processes);
}

/// Ends what a mechanism could not hold, so that the next test finds a clean system.
void defuse() {
  for (int round = 0; round < 1000 && !processes_of(bomber).empty(); ++round) {
    for (const pid_t pid : processes_of(bomber)) {
      ::kill(pid, SIGSTOP);
    }
    for (const pid_t pid : processes_of(bomber)) {
      ::kill(pid, SIGKILL);
    }
  }
}

}  // namespace

TEST_CASE("a leader that exits first leaves nobody", "[contract][adversarial]") {
  const Canary canary;
  const Output done = role("holder").output();
  CHECK_FALSE(alive(pid_after(done.stdout_bytes, "child")));
  ProcessGroup group;
  const std::string said = group.run(role("background"));
  const PidWatch child(pid_after(said, "child"));
  const StopReport report = group.stop(hang_bound);
  CHECK(report.members_before.size() == 1);
  CHECK(report.drained_in_grace);
  CHECK(child.dead());
  CHECK(canary.survives());
}

TEST_CASE("a tree that ignores SIGTERM is ended", "[contract][adversarial]") {
  const Canary canary;
  ProcessGroup group;
  Process child = group.start(role("stubborn"));
  REQUIRE(child.read_line(Stream::out) == "ready");
  const StopReport report = group.stop(50ms);
  CHECK(report.escalated);
  CHECK(report.members_after.empty());
  CHECK_FALSE(alive(child.pid()));
  CHECK(canary.survives());
}

TEST_CASE("a stopped member is ended", "[contract][adversarial]") {
  const Canary canary;
  // By the end of its run …
  const std::string said = role("stopped-member").run();
  CHECK_FALSE(alive(pid_after(said, "child")));
  // … and by the soft signal, which it gets although it was stopped.
  ProcessGroup group;
  Process leader = group.start(role("stopped-member").stdin_pipe());
  const auto line = leader.read_line(Stream::out);
  REQUIRE(line.has_value());
  const PidWatch child(pid_after(*line, "child"));
  const StopReport report = group.stop(hang_bound);
  CHECK(report.members_before.size() == 2);
  CHECK(report.drained_in_grace);
  CHECK(child.dead());
  CHECK(canary.survives());
}

TEST_CASE("a fork bomb of 600 processes is ended", "[contract][adversarial]") {
  require_root();
  const Canary canary;
  const std::size_t processes = repeats<std::size_t>(600, 60);
  ProcessGroup group;
  Process leader = group.start(fork_bomb({}, processes));
  REQUIRE(leader.read_line(Stream::out) == "ready");
  REQUIRE(wait_until([&] { return processes_of(bomber).size() > processes / 2; }));
  const StopReport report = group.kill();
  CHECK(report.members_after.empty());
  CHECK(processes_of(bomber).empty());
  CHECK(group.members().empty());
  CHECK(canary.survives());
  defuse();
}

TEST_CASE("a fork bomb is ended by stop, by time-out and by destruction",
          "[contract][adversarial]") {
  require_root();
  const Canary canary;
  const std::size_t processes = repeats<std::size_t>(100, 30);
  {
    ProcessGroup group;
    Process leader = group.start(fork_bomb({}, processes));
    REQUIRE(leader.read_line(Stream::out) == "ready");
    CHECK(group.stop(10ms).members_after.empty());
    CHECK(processes_of(bomber).empty());
  }
  const Output bombed = timed_out_after(
      "ready", [&](auto time) { return fork_bomb({}, processes).timeout(time).output(); });
  CHECK(bombed.outcome == Outcome::timed_out());
  CHECK(processes_of(bomber).empty());
  {
    Process leader = fork_bomb({}, processes).start();
    REQUIRE(leader.read_line(Stream::out) == "ready");
  }
  CHECK(processes_of(bomber).empty());
  CHECK(canary.survives());
  defuse();
}

TEST_CASE("a fork bomb of sessions is ended where escapes are contained",
          "[contract][adversarial]") {
  require_root();
  if (!guarantees().escape_contained.holds) {
    skip("this mechanism does not hold it: " + guarantees().escape_contained.reason);
  }
  const Canary canary;
  // Fewer than above: where the scheduler groups by session, each takes as much time as all of
  // this.
  const std::size_t processes = repeats<std::size_t>(150, 40);
  ProcessGroup group;
  Process leader = group.start(fork_bomb({"setsid"}, processes));
  REQUIRE(leader.read_line(Stream::out) == "ready");
  REQUIRE(wait_until([&] { return processes_of(bomber).size() > processes / 2; }));
  CHECK(group.kill().members_after.empty());
  CHECK(processes_of(bomber).empty());
  CHECK(canary.survives());
  defuse();
}

TEST_CASE("a member that changes its number all the time is signalled and ended",
          "[contract][adversarial]") {
  // A pass over the table of processes never meets it, and leaves it running if that is believed.
  const Canary canary;
  for (int round = 0; round < repeats(12, 6); ++round) {
    const Lifeline lifeline;
    {
      ProcessGroup group;
      Process leader = group.start(role("hopper", {lifeline.path()}));
      REQUIRE(leader.read_line(Stream::out) == "ready");
      if (round % 3 == 0 && group.guarantees().atomic_freeze.holds) {
        // Frozen meanwhile, it cannot jump over the signal.
        CHECK(group.signal(treehold::Signal::terminate) >= 1);
        CHECK(group.wait_empty(hang_bound));
      } else if (round % 3 == 1) {
        CHECK_FALSE(group.wait_empty(20ms));
      }
      CHECK(group.stop(0s).members_after.empty());
    }
    CHECK(lifeline.cut());
    if (round % 3 == 2) {
      const Lifeline other;
      {
        Process leader = role("hopper", {other.path()}).start();
        REQUIRE(leader.read_line(Stream::out) == "ready");
      }
      CHECK(other.cut());
    }
    CHECK(marked_processes().size() == 1);
  }
  CHECK(canary.survives());
}

TEST_CASE("a tree of a thousand processes is listed, signalled and ended",
          "[contract][adversarial]") {
  const Canary canary;
  const std::size_t count = repeats<std::size_t>(1000, 100);
  ProcessGroup group;
  Process leader = group.start(role("spawn", {std::to_string(count)}));
  REQUIRE(leader.read_line(Stream::out) == "ready");
  CHECK(group.members().size() == count + 1);
  CHECK(group.signal(treehold::Signal::window_change) == count + 1);
  const StopReport report = group.kill();
  CHECK(report.members_before.size() == count + 1);
  CHECK(report.members_after.empty());
  CHECK(marked_processes().size() == 1);
  CHECK(canary.survives());
}

TEST_CASE("a deep tree ends with its run", "[contract][adversarial]") {
  const Canary canary;
  Process leader = role("deep", {"100"}).start();
  REQUIRE(leader.read_line(Stream::out) == "ready");
  CHECK(leader.members().size() == 101);
  leader.kill();
  CHECK(leader.wait() == Outcome::signalled(SIGKILL, false));
  CHECK(wait_until([&] { return leader.members().empty(); }));
  CHECK(marked_processes().size() == 1);
  CHECK(canary.survives());
}
