// What each verb returns and throws.
#include <functional>
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::Command;
using forms::ProcessGroup;
using forms::quick;
using forms::role;
using treehold::Error;
using treehold::NonZeroExit;
using treehold::Outcome;
using treehold::Output;
using treehold::OverflowPolicy;
using treehold::ProgramNotFound;
using treehold::TimedOut;

TEST_CASE("output tells every end as data", "[contract]") {
  const Output done = role("emit", {"to out", "to err", "3"}).output();
  CHECK(done.stdout_bytes == "to out");
  CHECK(done.stderr_bytes == "to err");
  CHECK(done.outcome == Outcome::exited(3));
  CHECK(done.pid > 0);
  CHECK(done.duration > 0ns);
  CHECK_FALSE(done.truncated);
  CHECK_FALSE(done.incomplete);
  CHECK(done.mechanism == mechanism());
  CHECK_FALSE(done.stop.has_value());
}

TEST_CASE("exit codes that look like signals stay exit codes", "[contract]") {
  CHECK(role("exit", {"137"}).output().outcome == Outcome::exited(137));
  CHECK(role("exit", {"255"}).exit_code() == 255);
  CHECK(role("exit", {"9"}).exit_code() == 9);
}

TEST_CASE("run returns standard output less its trailing newlines", "[contract]") {
  CHECK(role("emit", {"text\n", "noise", "0"}).run() == "text");
  CHECK(role("emit", {"text\n\n\n", "", "0"}).run() == "text");
  CHECK(role("emit", {"\n a\n b \n", "", "0"}).run() == "\n a\n b ");
  CHECK(role("emit", {"text", "", "0"}).run() == "text");
  CHECK(role("emit", {"", "", "0"}).run().empty());
}

TEST_CASE("run and checked require success", "[contract]") {
  CHECK(role("emit", {"out\n", "err", "0"}).checked().stdout_bytes == "out\n");
  const Command failing = role("emit", {"out", "err", "3"});
  for (const auto& verb : {std::function<void()>([&] { (void)failing.run(); }),
                           std::function<void()>([&] { (void)failing.checked(); })}) {
    try {
      verb();
      FAIL_CHECK("did not throw");
    } catch (const NonZeroExit& error) {
      CHECK(error.outcome() == Outcome::exited(3));
      CHECK(error.output().stdout_bytes == "out");
      CHECK(error.output().stderr_bytes == "err");
    }
  }
}

TEST_CASE("accepted exit codes count as success for run and checked", "[contract]") {
  CHECK(role("emit", {"diff\n", "", "1"}).accept_exit_codes({0, 1}).run() == "diff");
  CHECK(role("exit", {"1"}).accept_exit_codes({0, 1}).checked().outcome == Outcome::exited(1));
  CHECK_THROWS_AS(role("exit", {"2"}).accept_exit_codes({0, 1}).run(), NonZeroExit);
  CHECK_THROWS_AS(role("exit", {"0"}).accept_exit_codes({1}).checked(), NonZeroExit);
}

TEST_CASE("exit_code never makes up a code", "[contract]") {
  CHECK(role("exit", {"0"}).exit_code() == 0);
  CHECK(role("exit", {"42"}).exit_code() == 42);
  CHECK_THROWS_AS(role("sleep").timeout(100ms).exit_code(), TimedOut);
}

TEST_CASE("probe knows true and false and nothing else", "[contract]") {
  CHECK(role("exit", {"0"}).probe());
  CHECK_FALSE(role("exit", {"1"}).probe());
  CHECK_THROWS_AS(role("exit", {"2"}).probe(), NonZeroExit);
  CHECK_THROWS_AS(role("sleep").timeout(100ms).probe(), TimedOut);
}

TEST_CASE("the verbs of a group are those of a command", "[contract]") {
  ProcessGroup group;
  CHECK(group.run(role("emit", {"text\n", "", "0"})) == "text");
  CHECK(group.output(role("exit", {"3"})).outcome == Outcome::exited(3));
  CHECK(group.exit_code(role("exit", {"4"})) == 4);
  CHECK(group.probe(role("exit", {"0"})));
  CHECK_FALSE(group.probe(role("exit", {"1"})));
  CHECK(group.checked(role("emit", {"x", "", "0"})).stdout_bytes == "x");
  CHECK_THROWS_AS(group.checked(role("exit", {"3"})), NonZeroExit);
  CHECK_THROWS_AS(group.run(Command("/no/such/program")), ProgramNotFound);
  CHECK(group.members().empty());
}

TEST_CASE("what a leader has used is told", "[contract]") {
  const Output done = role("print", {"1000"}).output();
  REQUIRE(done.outcome == Outcome::exited(0));
  require_resource_use();
  REQUIRE(done.resource_use.has_value());
  CHECK(done.resource_use->peak_resident_bytes > 100000);
  CHECK(done.resource_use->user + done.resource_use->system > 0us);
}

TEST_CASE("error texts carry no arguments, values or input", "[contract]") {
  const auto with_secrets = [](const std::string& name, const std::string& argument) {
    Command command = role(name, {argument, "secret-argument"});
    command.env("NAME", "secret-value").stdin_bytes("secret-input");
    return command;
  };
  const auto expect_discreet = [](const std::function<void()>& act) {
    try {
      act();
      FAIL_CHECK("did not throw");
    } catch (const Error& error) {
      INFO(error.what());
      CHECK(std::string(error.what()).find("secret") == std::string::npos);
      CHECK_FALSE(std::string(error.what()).empty());
    }
  };
  expect_discreet([&] { (void)with_secrets("exit", "3").run(); });
  expect_discreet([&] { (void)with_secrets("sleep", "").timeout(50ms).run(); });
  expect_discreet([&] { (void)with_secrets("exit", "0").current_dir("/no/such").run(); });
  expect_discreet([&] {
    (void)with_secrets("print", "100")
        .output_limit({.bytes = 10, .policy = OverflowPolicy::fail})
        .run();
  });
  expect_discreet([] {
    (void)Command("/no/such/program", {"secret-argument"}).env("NAME", "secret-value").run();
  });
  expect_discreet([] { (void)Command(quick()).arg("secret-argument").env("=", "secret").run(); });
  expect_discreet([] { (void)Command(quick()).arg("secret" + std::string(1 << 22, 'x')).run(); });
}
