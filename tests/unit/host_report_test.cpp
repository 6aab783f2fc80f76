// What treehold says about this host.
#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

using treehold::Guarantee;
using treehold::Guarantees;
using treehold::HostReport;
using treehold::Mechanism;
using treehold::MechanismReport;

namespace {

void expect_reasoned(const std::string& name, const Guarantee& guarantee) {
  INFO(name);
  CHECK_FALSE(guarantee.reason.empty());
  if (guarantee.holds) {
    CHECK(guarantee.remedy.empty());
  }
}

void expect_reasoned(const Guarantees& guarantees) {
  INFO(treehold::to_string(guarantees.mechanism));
  expect_reasoned("escape_contained", guarantees.escape_contained);
  expect_reasoned("fork_bomb_contained", guarantees.fork_bomb_contained);
  expect_reasoned("survives_host_kill", guarantees.survives_host_kill);
  expect_reasoned("atomic_freeze", guarantees.atomic_freeze);
  expect_reasoned("members_complete", guarantees.members_complete);
  expect_reasoned("exit_status_kept", guarantees.exit_status_kept);
  for (const auto& [name, guarantee] : guarantees.limits) {
    expect_reasoned(name, guarantee);
  }
  for (const auto& [name, guarantee] : guarantees.statistics) {
    expect_reasoned(name, guarantee);
  }
  for (const auto& [name, guarantee] : guarantees.limit_places) {
    expect_reasoned(name, guarantee);
  }
  CHECK_FALSE(guarantees.not_covered.empty());
}

}  // namespace

TEST_CASE("the host report names every mechanism with its reasons", "[unit]") {
  const HostReport report = treehold::host_report();
  utsname system{};
  ::uname(&system);
  CHECK(report.kernel == system.release);
  REQUIRE_FALSE(report.mechanisms.empty());
  for (const MechanismReport& mechanism : report.mechanisms) {
    expect_reasoned("available", mechanism.available);
    expect_reasoned(mechanism.guarantees);
  }
  CHECK(std::any_of(report.mechanisms.begin(), report.mechanisms.end(), [](const auto& mechanism) {
    return mechanism.guarantees.mechanism == Mechanism::process_group && mechanism.available.holds;
  }));
}

TEST_CASE("asking about the host makes nothing", "[unit]") {
  const auto before = support::open_descriptors();
  for (int count = 0; count < 20; ++count) {
    (void)treehold::host_report();
  }
  CHECK(support::open_descriptors() == before);
}

TEST_CASE("an available mechanism makes groups, another one is refused with its reason", "[unit]") {
  for (const MechanismReport& report : treehold::host_report().mechanisms) {
    const Mechanism mechanism = report.guarantees.mechanism;
    INFO(treehold::to_string(mechanism));
    if (report.available.holds) {
      const treehold::ProcessGroup group({.mechanism = mechanism});
      CHECK(group.mechanism() == mechanism);
      const Guarantees held = group.guarantees();
      expect_reasoned(held);
      CHECK(held.mechanism == mechanism);
      CHECK(held.escape_contained.holds == report.guarantees.escape_contained.holds);
      CHECK(held.exit_status_kept.holds == report.guarantees.exit_status_kept.holds);
    } else {
      CHECK_THROWS_AS(treehold::ProcessGroup({.mechanism = mechanism}), treehold::Unsupported);
    }
  }
  CHECK_THROWS_AS(treehold::ProcessGroup({.mechanism = Mechanism::job_object}),
                  treehold::Unsupported);
}

TEST_CASE("the environment chooses the mechanism where the options do not", "[unit]") {
  const char* wanted = std::getenv("TREEHOLD_MECHANISM");
  const std::string before = wanted == nullptr ? "" : wanted;
  ::setenv("TREEHOLD_MECHANISM", "process_group", 1);
  CHECK(treehold::ProcessGroup().mechanism() == Mechanism::process_group);
  ::setenv("TREEHOLD_MECHANISM", "job_object", 1);
  CHECK_THROWS_AS(treehold::ProcessGroup(), treehold::Unsupported);
  ::setenv("TREEHOLD_MECHANISM", "no_such_mechanism", 1);
  CHECK_THROWS_AS(treehold::ProcessGroup(), treehold::Error);
  ::unsetenv("TREEHOLD_MECHANISM");
  const HostReport report = treehold::host_report();
  const auto best = std::find_if(report.mechanisms.begin(), report.mechanisms.end(),
                                 [](const auto& mechanism) { return mechanism.available.holds; });
  REQUIRE(best != report.mechanisms.end());
  CHECK(treehold::ProcessGroup().mechanism() == best->guarantees.mechanism);
  if (!before.empty()) {
    ::setenv("TREEHOLD_MECHANISM", before.c_str(), 1);
  }
}

TEST_CASE("mechanisms have names", "[unit]") {
  CHECK(treehold::to_string(Mechanism::cgroup_v2) == "cgroup_v2");
  CHECK(treehold::to_string(Mechanism::process_group) == "process_group");
  CHECK(treehold::to_string(Mechanism::job_object) == "job_object");
}
