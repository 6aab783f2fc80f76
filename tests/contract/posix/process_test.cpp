// A live child in the hand: soft signals, and who is known by a FIFO alone.
#include <signal.h>

#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::Process;
using forms::role;
using treehold::Outcome;
using treehold::ProcessId;
using treehold::Signal;
using treehold::StopReport;
using treehold::Stream;

TEST_CASE("a process is stopped softly, then hard", "[contract]") {
  Process polite = role("polite").start();
  REQUIRE(polite.read_line(Stream::out) == "ready");
  const StopReport soft = polite.stop(hang_bound);
  CHECK(soft.members_before == std::vector<ProcessId>{polite.pid()});
  CHECK(soft.soft_signal_sent);
  CHECK(soft.drained_in_grace);
  CHECK_FALSE(soft.escalated);
  CHECK(polite.wait() == Outcome::exited(7));
  CHECK(polite.read_all(Stream::out) == "soft\n");

  Process stubborn = role("with-child", {"stubborn"}).start();
  const auto line = stubborn.read_line(Stream::out);
  REQUIRE(line.has_value());
  const StopReport hard = stubborn.stop(50ms);
  CHECK(hard.escalated);
  CHECK(hard.members_after.empty());
  CHECK_FALSE(alive(pid_after(*line, "child")));
  CHECK(stubborn.wait() == Outcome::signalled(SIGTERM, false));
  CHECK(stubborn.stop(hang_bound).members_after.empty());
}

TEST_CASE("stop of a process uses the soft signal of its command", "[contract]") {
  Process child = role("polite", {std::to_string(SIGUSR1)}).soft_signal(Signal::user1).start();
  REQUIRE(child.read_line(Stream::out) == "ready");
  CHECK(child.stop(hang_bound).drained_in_grace);
  CHECK(child.wait() == Outcome::exited(7));
}

TEST_CASE("what the leader left ends with the process object", "[contract]") {
  // Judged by a FIFO: the engine may end the descendant as soon as it learns of the leader's end,
  // before anybody here could open a pidfd.
  const support::Lifeline lifeline;
  {
    Process child =
        Command("sh", {"-c", "exec 3>\"$1\"; sleep 100000 & echo ready", "sh", lifeline.path()})
            .start();
    REQUIRE(child.read_line(Stream::out) == "ready");
  }
  CHECK(lifeline.cut());
}
