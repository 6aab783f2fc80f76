// Hosts that end without a word: what they have started ends with them, whoever sees to that.
#include <signal.h>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "canary.hpp"
#include "doomed_host.hpp"
#include "support.hpp"

using namespace support;

namespace {

void require_end_with_host() {
  if (const treehold::Guarantee held = guarantees().survives_host_kill; !held.holds) {
    skip("this mechanism does not hold it: " + held.reason);
  }
}

}  // namespace

TEST_CASE("what a killed host has started ends", "[contract][adversarial][host_end]") {
  require_end_with_host();
  const Canary canary;
  DoomedHost host("killed");
  host.kill();
  CHECK(host.ended());
  CHECK(canary.survives());
}

TEST_CASE("what a host has started ends when another program takes its place",
          "[contract][adversarial][host_end]") {
  require_end_with_host();
  DoomedHost host("replaced");
  host.let_go();
  CHECK(host.ended());
  host.kill();
}

TEST_CASE("what a host has started ends when it leaves without destructors",
          "[contract][adversarial][host_end]") {
  require_end_with_host();
  DoomedHost host(GENERATE("leaves-in-haste", "forgets-its-groups"));
  host.let_go();
  CHECK(host.ended());
  host.wait();
}

TEST_CASE("a fork that outlives its host keeps nothing alive",
          "[contract][adversarial][host_end]") {
  require_end_with_host();
  DoomedHost host("killed-with-a-fork");
  host.kill();
  CHECK(host.ended());
  REQUIRE(host.apart() != nullptr);
  CHECK_FALSE(host.apart()->dead());
  host.apart()->kill(SIGKILL);
  CHECK(host.apart()->wait_dead());
}

TEST_CASE("a daemon ends with a killed host where escapes are contained, and nowhere else",
          "[contract][adversarial][host_end]") {
  require_end_with_host();
  DoomedHost host("killed-with-a-daemon");
  host.kill();
  CHECK(host.ended());
  CHECK((host.apart() == nullptr) == guarantees().escape_contained.holds);
  if (host.apart() != nullptr) {
    CHECK_FALSE(host.apart()->dead());
    host.apart()->kill(SIGKILL);
    CHECK(host.apart()->wait_dead());
  }
}
