// The guardian, which ends what hosts have started that end without a word.
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <random>
#include <string>
#include <thread>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "canary.hpp"
#include "doomed_host.hpp"
#include "support.hpp"

using namespace support;

TEST_CASE("a guardian that is killed has a successor", "[contract][adversarial][guardian]") {
  require_guardian();
  const Canary canary;
  DoomedHost host("killed-after-its-guardian");
  host.kill();
  CHECK(host.ended());
  CHECK(canary.survives());
}

TEST_CASE("what a killed host has started under limits ends", "[contract][limits][guardian]") {
  require_limit("processes");
  DoomedHost host("killed-with-limits");
  host.kill();
  CHECK(host.ended());
}

TEST_CASE("two copies of the library in one host leave each other alone",
          "[contract][adversarial][guardian]") {
  expect_host("two-copies");
  DoomedHost host("killed-with-two-copies");
  host.kill();
  CHECK(host.ended());
}

TEST_CASE("the guardian lets go of what has ended", "[contract][guardian]") {
  require_guardian();
  treehold::ProcessGroup group;
  (void)group.exit_code(plain::quick());
  const pid_t guardian = guardian_of(::getpid());
  if (guardian == 0) {
    skip("the first process of a PID namespace needs no guardian");
  }
  const auto held = [&] {
    namespace fs = std::filesystem;
    const fs::path descriptors = "/proc/" + std::to_string(guardian) + "/fd";
    return std::distance(fs::directory_iterator(descriptors), fs::directory_iterator());
  };
  const auto before = held();
  for (int count = 0; count < repeats(100, 20); ++count) {
    (void)plain::quick().exit_code();
    (void)group.exit_code(plain::quick());
    (void)treehold::ProcessGroup().exit_code(plain::quick());
  }
  CHECK(wait_until([&] { return held() <= before; }));
  CHECK(guardian_of(::getpid()) == guardian);
}

TEST_CASE("without a guardian the trees of a killed host go on, until another host comes",
          "[contract][adversarial][guardian]") {
  require_umbrella();
  DoomedHost host("killed-unguarded");
  host.kill();
  host.wait();
  CHECK_FALSE(host.any_dead());
  expect_host("umbrella");
  CHECK(host.ended());
}

TEST_CASE("a host that is killed at any moment of a start leaves nothing",
          "[contract][adversarial][guardian]") {
  const Canary canary;
  std::mt19937 random(std::random_device{}());
  std::uniform_int_distribution<int> moment(0, 30000);
  for (int round = 0; round < repeats(200, 20); ++round) {
    Child host("host", {"busy"});
    REQUIRE(host.read_line() == "ready");
    std::this_thread::sleep_for(std::chrono::microseconds(moment(random)));
    ::kill(host.pid(), SIGKILL);
    (void)host.wait();
  }
  // What a host has made and nobody could be told of yet is empty, and goes with the next host.
  expect_host("umbrella");
  CHECK(wait_until([] { return stale_umbrellas().empty(); }));
  CHECK(canary.survives());
}
