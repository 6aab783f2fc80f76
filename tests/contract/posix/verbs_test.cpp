// What each verb makes of a leader that a signal ends.
#include <signal.h>

#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::ProcessGroup;
using forms::role;
using treehold::Outcome;
using treehold::Signalled;

TEST_CASE("a signal that ended the leader is data for output, with its number", "[contract]") {
  for (const int number : {SIGTERM, SIGKILL, SIGUSR1}) {
    CHECK(role("raise", {std::to_string(number)}).output().outcome ==
          Outcome::signalled(number, false));
  }
}

TEST_CASE("a signal that ended the leader is thrown by the other verbs", "[contract]") {
  const Command dying = role("raise", {std::to_string(SIGUSR1)});
  CHECK_THROWS_AS(dying.run(), Signalled);
  CHECK_THROWS_AS(dying.checked(), Signalled);
  CHECK_THROWS_AS(dying.exit_code(), Signalled);
  CHECK_THROWS_AS(dying.probe(), Signalled);
  ProcessGroup group;
  CHECK_THROWS_AS(group.run(dying), Signalled);
}

TEST_CASE("an error for a signal carries no argument", "[contract]") {
  try {
    (void)role("raise", {std::to_string(SIGTERM), "secret-argument"})
        .env("NAME", "secret-value")
        .run();
    FAIL("did not throw");
  } catch (const Signalled& error) {
    CHECK(std::string(error.what()).find("secret") == std::string::npos);
  }
}
