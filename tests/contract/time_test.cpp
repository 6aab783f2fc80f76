// Time-outs: what they end, and what is told about it.
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

TEST_CASE("a time-out is data for output, with what came before it", "[contract]") {
  const Output late =
      timed_out_after("child", [](auto time) { return role("with-child").timeout(time).output(); });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK(late.duration >= short_while);
  REQUIRE(late.stdout_bytes.rfind("child ", 0) == 0);
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
  CHECK_FALSE(alive(late.pid));
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->members_before.size() == 2);
  CHECK(late.stop->members_after.empty());
  CHECK(late.stop->escalated);
  CHECK_FALSE(late.stop->soft_signal_sent);
  CHECK_FALSE(late.incomplete);
}

TEST_CASE("a time-out is thrown by the verbs that need an end", "[contract]") {
  using Verb = std::function<void(const Command&)>;
  for (const auto& verb : {Verb([](const Command& command) { (void)command.run(); }),
                           Verb([](const Command& command) { (void)command.checked(); }),
                           Verb([](const Command& command) { (void)command.exit_code(); }),
                           Verb([](const Command& command) { (void)command.probe(); })}) {
    const Output late = timed_out_after("ready", [&](auto time) {
      try {
        verb(role("sleep").timeout(time));
        FAIL("did not throw");
      } catch (const TimedOut& error) {
        CHECK(error.outcome() == Outcome::timed_out());
        return error.output();
      }
      return Output();
    });
    CHECK(late.stdout_bytes == "ready\n");
    CHECK(marked_processes().empty());
  }
}

TEST_CASE("a run that ends in time is not touched by its time-out", "[contract]") {
  CHECK(role("exit", {"3"}).timeout(hang_bound).timeout_grace(1s).output().outcome ==
        Outcome::exited(3));
  CHECK(role("exit", {"3"}).timeout(std::chrono::nanoseconds::max()).output().outcome ==
        Outcome::exited(3));
  CHECK(role("exit", {"3"}).inactivity_timeout(std::chrono::nanoseconds::max()).exit_code() == 3);
}

TEST_CASE("silence has a time-out and an outcome of its own", "[contract]") {
  const Output silent = timed_out_after(
      "ready", [](auto time) { return role("sleep").inactivity_timeout(time).output(); });
  CHECK(silent.outcome == Outcome::idle_timed_out());
  CHECK(silent.stdout_bytes == "ready\n");
  CHECK_THROWS_AS(role("sleep").inactivity_timeout(short_while).run(), TimedOut);
  // Output of either stream counts: this one takes longer than its time-out.
  std::chrono::milliseconds silence{};
  const Output busy = with_time_enough(
      [&](auto time) {
        silence = time;
        const std::string step = std::to_string(time.count() / 5);
        return role("ticks", {"15", step}).inactivity_timeout(time).output();
      },
      [](const Output& output) { return output.outcome == Outcome::exited(0); });
  CHECK(busy.outcome == Outcome::exited(0));
  CHECK(busy.duration > silence);
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
  const int rounds = repeats(500, 60);
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
  const Output late = timed_out_after(
      "child", [&](auto time) { return group.output(role("with-child").timeout(time)); });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK_FALSE(alive(late.pid));
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
  CHECK_FALSE(nephew.dead());
  CHECK(alive(sibling.pid()));
  CHECK_FALSE(sibling.outcome().has_value());
  CHECK(group.members().size() == 2);
  CHECK(group.exit_code(role("exit", {"3"})) == 3);
}

TEST_CASE("a time-out reaches what has escaped into a session of its own", "[contract]") {
  const bool contained = guarantees().escape_contained.holds;
  const Output late = timed_out_after(
      "daemon", [](auto time) { return role("escape", {"stay"}).timeout(time).output(); });
  CHECK(late.outcome == Outcome::timed_out());
  const auto daemon = pid_after(late.stdout_bytes, "daemon");
  CHECK(alive(daemon) == !contained);
  if (!contained) {
    const PidWatch watch(daemon);
    watch.kill();
    CHECK(watch.wait_dead());
  }
}

TEST_CASE("time-outs of a started process are kept by the members that wait", "[contract]") {
  Process child = role("sleep").timeout(short_while).start();
  CHECK(child.wait() == Outcome::timed_out());
  CHECK(child.outcome() == Outcome::timed_out());
  Process reader =
      with_time_enough([](auto time) { return role("sleep").timeout(time).start(); },
                       [](Process& late) { return late.read_line(Stream::out) == "ready"; });
  // Ends with the tree: the time-out is what ends it.
  CHECK(reader.read_all(Stream::out).empty());
  CHECK(reader.wait() == Outcome::timed_out());
}
