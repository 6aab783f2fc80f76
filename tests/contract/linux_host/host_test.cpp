// Hosts that only Linux has (see support/linux/host_roles.cpp).
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using forms::quick;
using forms::role;

TEST_CASE("a host that is the first process of a PID namespace", "[contract]") {
  require_root();
  expect_host("first-process");
}

TEST_CASE("a host that is a subreaper", "[contract]") {
  expect_host("subreaper");
}

TEST_CASE("a host that unblocks nothing keeps its own signal state", "[contract]") {
  // In this very process: a whole run with a time-out changes no disposition and no mask.
  struct State {
    std::string blocked;
    std::string ignored;
    std::string caught;
  };
  const auto state = [] {
    const std::string status = read_file("/proc/self/status");
    const auto field = [&](const std::string& name) {
      const std::size_t at = status.find(name + ":");
      return status.substr(at, status.find('\n', at) - at);
    };
    return State{field("SigBlk"), field("SigIgn"), field("SigCgt")};
  };
  const State before = state();
  (void)role("stubborn").timeout(scaled(100ms, 1000ms)).timeout_grace(10ms).output();
  (void)role("exit", {"0"}).stdin_bytes(std::string(support::more_than_a_pipe, 'x')).output();
  treehold::ProcessGroup group;
  (void)group.output(quick());
  const State after = state();
  CHECK(before.blocked == after.blocked);
  CHECK(before.ignored == after.ignored);
  CHECK(before.caught == after.caught);
}
