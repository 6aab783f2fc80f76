// What the portable mechanism has not is refused or said, never left out in silence.

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "forms.hpp"
#include "support.hpp"

using namespace support;
using namespace treehold::literals;
using forms::role;
using treehold::LimitRefused;
using treehold::Unsupported;

TEST_CASE("a setting that this system has not is refused before a start", "[contract]") {
  CHECK_THROWS_AS(role("exit", {"0"}).oom_score_adj(500).output(), Unsupported);
  CHECK_THROWS_AS(role("exit", {"0"}).cpu_affinity({0}).output(), Unsupported);
  CHECK_THROWS_AS(role("exit", {"0"}).no_new_privileges().output(), Unsupported);
  CHECK(role("exit", {"3"}).exit_code() == 3);
}

TEST_CASE("a limit that nothing can hold is refused by its name", "[contract]") {
  try {
    treehold::ProcessGroup group({.limits = {.processes = 7}});
    FAIL("did not throw");
  } catch (const LimitRefused& error) {
    CHECK(error.refusal().limit == "processes");
    CHECK(error.refusal().problem == treehold::LimitProblem::unsupported);
  }
  CHECK_THROWS_AS(role("exit", {"0"}).limits({.memory = 64_MiB}).output(), LimitRefused);
}

TEST_CASE("what only cgroups have is refused", "[contract]") {
  CHECK_THROWS_AS(treehold::move_host_into_leaf(), Unsupported);
  CHECK_THROWS_AS(treehold::move_host_into_scope(), Unsupported);
  CHECK_THROWS_AS(treehold::sweep_stale_groups(), Unsupported);
}

TEST_CASE("process groups promise neither containment nor a guardian, a keeper both",
          "[contract]") {
  const treehold::Guarantees all = guarantees();
  const bool kept = all.mechanism == treehold::Mechanism::reaper;
  CHECK((kept || all.mechanism == treehold::Mechanism::process_group));
  CHECK(all.escape_contained.holds == kept);
  CHECK(all.survives_host_kill.holds == kept);
  CHECK(all.exit_status_kept.holds);
  CHECK_FALSE(all.not_covered.empty());
}
