// Time-outs that ask first: by signals.
#include <signal.h>

#include <chrono>
#include <string>
#include <utility>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "signals.hpp"
#include "support.hpp"

using namespace support;
using forms::role;
using treehold::Outcome;
using treehold::Output;

TEST_CASE("with a grace every member gets the soft signal first", "[contract]") {
  const Output late = timed_out_after("ready", [](auto time) {
    return role("polite").timeout(time).timeout_grace(hang_bound).output();
  });
  CHECK(late.outcome == Outcome::timed_out());
  CHECK(late.stdout_bytes == "ready\nsoft\n");
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->soft_signal_sent);
  CHECK(late.stop->drained_in_grace);
  CHECK_FALSE(late.stop->escalated);
  CHECK(late.duration < hang_bound);
}

TEST_CASE("the soft signal can be another one", "[contract]") {
  const std::pair<int, treehold::Signal> others[] = {
      {SIGUSR1, treehold::Signal::user1},
      {rare_signal(0), treehold::native_signal(rare_signal(0))},
  };
  for (const auto& other : others) {
    const Output late = timed_out_after("ready", [&](auto time) {
      return role("polite", {std::to_string(other.first)})
          .timeout(time)
          .timeout_grace(hang_bound)
          .soft_signal(other.second)
          .output();
    });
    CHECK(late.stdout_bytes == "ready\nsoft\n");
  }
}

TEST_CASE("who ignores the soft signal is killed after the grace", "[contract]") {
  const Output late = timed_out_after("ready", [](auto time) {
    return role("stubborn").timeout(time).timeout_grace(100ms).output();
  });
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
  const Output late = timed_out_after("child", [](auto time) {
    return role("with-child", {"stubborn"}).timeout(time).timeout_grace(100ms).output();
  });
  CHECK(late.outcome == Outcome::timed_out());
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->escalated);
  CHECK_FALSE(alive(pid_after(late.stdout_bytes, "child")));
}

TEST_CASE("what a member writes in its grace is read", "[contract]") {
  const std::size_t size = 300000;
  const Output late = timed_out_after("ready", [&](auto time) {
    return role("last-words", {std::to_string(size)})
        .timeout(time)
        .timeout_grace(hang_bound)
        .output();
  });
  const bool same = late.stdout_bytes == "ready\n" + pattern(size);
  CHECK(same);
  REQUIRE(late.stop.has_value());
  CHECK(late.stop->drained_in_grace);
}
