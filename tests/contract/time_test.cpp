// Time-outs: what they end, and what is told about it.
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::Process;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using treehold::Outcome;
using treehold::Output;
using treehold::Stream;
using treehold::TimedOut;

namespace {

/// Long enough for a role to have said that it is ready.
constexpr auto short_while = scaled(300ms, 2000ms);

using Clock = std::chrono::steady_clock;

}  // namespace

TEST_CASE("a time-out is data for output, with what came before it", "[contract]") {
  const Output late = role("with-child").timeout(short_while).output();
  CHECK(late.outcome == Outcome::timed_out());
  CHECK(late.duration >= short_while);
  REQUIRE(late.stdout_bytes.rfind("child ", 0) == 0);
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
  CHECK_FALSE(alive(static_cast<pid_t>(late.pid)));
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->members_before.size() == 2);
  CHECK(late.stop->members_after.empty());
  CHECK(late.stop->escalated);
  CHECK_FALSE(late.stop->soft_signal_sent);
  CHECK_FALSE(late.incomplete);
}

TEST_CASE("a time-out is thrown by the verbs that need an end", "[contract]") {
  const Command command = role("sleep").timeout(short_while);
  for (const auto& verb : {std::function<void()>([&] { (void)command.run(); }),
                           std::function<void()>([&] { (void)command.checked(); }),
                           std::function<void()>([&] { (void)command.exit_code(); }),
                           std::function<void()>([&] { (void)command.probe(); })}) {
    try {
      verb();
      FAIL_CHECK("did not throw");
    } catch (const TimedOut& error) {
      CHECK(error.outcome() == Outcome::timed_out());
      CHECK(error.output().stdout_bytes == "ready\n");
      CHECK(marked_processes().empty());
    }
  }
}

TEST_CASE("a run that ends in time is not touched by its time-out", "[contract]") {
  CHECK(role("exit", {"3"}).timeout(hang_bound).timeout_grace(1s).output().outcome ==
        Outcome::exited(3));
  CHECK(role("exit", {"3"}).timeout(std::chrono::nanoseconds::max()).output().outcome ==
        Outcome::exited(3));
  CHECK(role("exit", {"3"}).inactivity_timeout(std::chrono::nanoseconds::max()).exit_code() == 3);
}

TEST_CASE("with a grace every member gets the soft signal first", "[contract]") {
  const Output late = role("polite").timeout(short_while).timeout_grace(hang_bound).output();
  CHECK(late.outcome == Outcome::timed_out());
  CHECK(late.stdout_bytes == "ready\nsoft\n");
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->soft_signal_sent);
  CHECK(late.stop->drained_in_grace);
  CHECK_FALSE(late.stop->escalated);
  CHECK(late.duration < hang_bound);
}

TEST_CASE("the soft signal can be another one", "[contract]") {
  const Output late = role("polite", {std::to_string(SIGUSR1)})
                          .timeout(short_while)
                          .timeout_grace(hang_bound)
                          .soft_signal(treehold::Signal::user1)
                          .output();
  CHECK(late.stdout_bytes == "ready\nsoft\n");
  const Output real_time = role("polite", {std::to_string(SIGRTMIN + 1)})
                               .timeout(short_while)
                               .timeout_grace(hang_bound)
                               .soft_signal(treehold::native_signal(SIGRTMIN + 1))
                               .output();
  CHECK(real_time.stdout_bytes == "ready\nsoft\n");
}

TEST_CASE("who ignores the soft signal is killed after the grace", "[contract]") {
  const Output late = role("stubborn").timeout(short_while).timeout_grace(100ms).output();
  CHECK(late.outcome == Outcome::timed_out());
  CHECK(late.duration >= short_while + 100ms);
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->soft_signal_sent);
  CHECK_FALSE(late.stop->drained_in_grace);
  CHECK(late.stop->escalated);
  CHECK(late.stop->members_after.empty());
}

TEST_CASE("a descendant that ignores the soft signal is killed though the leader went",
          "[contract]") {
  const Output late =
      role("with-child", {"stubborn"}).timeout(short_while).timeout_grace(100ms).output();
  CHECK(late.outcome == Outcome::timed_out());
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->escalated);
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
}

TEST_CASE("what a member writes in its grace is read", "[contract]") {
  const std::size_t size = 300000;
  const Output late = role("last-words", {std::to_string(size)})
                          .timeout(short_while)
                          .timeout_grace(hang_bound)
                          .output();
  const bool same = late.stdout_bytes == "ready\n" + pattern(size);
  CHECK(same);
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->drained_in_grace);
}

TEST_CASE("silence has a time-out and an outcome of its own", "[contract]") {
  const Output silent = role("sleep").inactivity_timeout(short_while).output();
  CHECK(silent.outcome == Outcome::idle_timed_out());
  CHECK(silent.stdout_bytes == "ready\n");
  CHECK_THROWS_AS(role("sleep").inactivity_timeout(short_while).run(), TimedOut);
  // Output of either stream counts: this one takes longer than its time-out.
  const std::string step = std::to_string(short_while.count() / 5);
  const Output busy = role("ticks", {"15", step}).inactivity_timeout(short_while).output();
  CHECK(busy.outcome == Outcome::exited(0));
  CHECK(busy.duration > short_while);
}

TEST_CASE("the earlier of two time-outs decides", "[contract]") {
  CHECK(role("sleep").timeout(hang_bound).inactivity_timeout(short_while).output().outcome ==
        Outcome::idle_timed_out());
  CHECK(role("sleep").timeout(short_while).inactivity_timeout(hang_bound).output().outcome ==
        Outcome::timed_out());
}

TEST_CASE("an exit at the moment of the deadline has one verdict", "[contract]") {
  std::vector<std::chrono::nanoseconds> durations;
  for (int count = 0; count < 21; ++count) {
    durations.push_back(quick().output().duration);
  }
  std::nth_element(durations.begin(), durations.begin() + 10, durations.end());
  const std::chrono::nanoseconds usual = durations[10];
  const int rounds = scaled(500, 60);
  int exited = 0;
  int late = 0;
  for (int round = 0; round < rounds; ++round) {
    // From half to one and a half of what it usually takes.
    const auto deadline = usual / 2 + usual * round / rounds;
    const Output done = quick().timeout(deadline).output();
    const bool is_exit = done.outcome == Outcome::exited(0);
    const bool is_late = done.outcome == Outcome::timed_out();
    if (is_exit == is_late || (is_exit && done.stop.has_value())) {
      FAIL_CHECK("round " << round << ": " << done.outcome.describe());
    }
    exited += is_exit ? 1 : 0;
    late += is_late ? 1 : 0;
    try {
      const int code = quick().timeout(deadline).exit_code();
      if (code != 0) {
        FAIL_CHECK("round " << round << ": exit code " << code);
      }
    } catch (const TimedOut&) {
    }
  }
  INFO(exited << " exited, " << late << " timed out");
  CHECK(exited + late == rounds);
}

TEST_CASE("the time-out of one child of a group ends its tree and no sibling", "[contract]") {
  ProcessGroup group;
  Process sibling = group.start(role("with-child"));
  const auto line = sibling.read_line(Stream::out);
  REQUIRE(line.has_value());
  const PidWatch nephew(pid_after(*line, "child"));
  const Output late = group.output(role("with-child").timeout(short_while));
  CHECK(late.outcome == Outcome::timed_out());
  CHECK_FALSE(alive(static_cast<pid_t>(late.pid)));
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
  CHECK_FALSE(nephew.dead());
  CHECK(alive(static_cast<pid_t>(sibling.pid())));
  CHECK_FALSE(sibling.outcome().has_value());
  CHECK(group.members().size() == 2);
  CHECK(group.exit_code(role("exit", {"3"})) == 3);
}

TEST_CASE("a time-out reaches what has escaped into a session of its own", "[contract]") {
  const bool contained = guarantees().escape_contained.holds;
  const Output late = role("escape", {"stay"}).timeout(short_while).output();
  CHECK(late.outcome == Outcome::timed_out());
  const pid_t daemon = pid_after(late.stdout_bytes, "daemon");
  CHECK(alive(daemon) == !contained);
  if (!contained) {
    const PidWatch watch(daemon);
    watch.kill(SIGKILL);
    CHECK(watch.wait_dead());
  }
}

TEST_CASE("time-outs of a started process are kept by the members that wait", "[contract]") {
  Process child = role("sleep").timeout(short_while).start();
  CHECK(child.read_line(Stream::out) == "ready");
  CHECK(child.wait() == Outcome::timed_out());
  CHECK(child.outcome() == Outcome::timed_out());
  Process reader = role("sleep").timeout(short_while).start();
  CHECK(reader.read_line(Stream::out) == "ready");
  // Ends with the tree: the time-out is what ends it.
  CHECK(reader.read_all(Stream::out).empty());
  CHECK(reader.wait() == Outcome::timed_out());
}
