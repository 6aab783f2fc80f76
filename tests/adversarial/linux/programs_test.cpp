// Programs as people run them end with their host, however they have made themselves daemons.
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "canary.hpp"
#include "doomed_host.hpp"
#include "support.hpp"

using namespace support;

namespace {

void expect_end_of(const std::string& program) {
  if (!guarantees().escape_contained.holds) {
    skip("daemons escape");
  }
  const Canary canary;
  const TempDir place;
  DoomedHost host("killed-with-program", {program, place.path()});
  host.kill();
  CHECK(host.ended());
  CHECK(canary.survives());
}

}  // namespace

TEST_CASE("a browser without a window ends with a killed host", "[contract][programs]") {
  expect_end_of("chromium");
}

TEST_CASE("nginx in its daemon mode ends with a killed host", "[contract][programs]") {
  expect_end_of("nginx");
}

TEST_CASE("a redis daemon ends with a killed host", "[contract][programs]") {
  expect_end_of("redis");
}

TEST_CASE("postgres, started by pg_ctl, ends with a killed host", "[contract][programs]") {
  expect_end_of("postgres");
}

TEST_CASE("ssh-agent ends with a killed host", "[contract][programs]") {
  expect_end_of("ssh-agent");
}

TEST_CASE("make and its compilers end with a killed host", "[contract][programs]") {
  expect_end_of("make");
}

TEST_CASE("a shell's jobs in the background end with a killed host", "[contract][programs]") {
  expect_end_of("pipeline");
}
