// What `treehold sweep` tells and ends.
#include <filesystem>
#include <string>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "doomed_host.hpp"
#include "tests/cli/cli.hpp"

using cli::contains;
using cli::program;
using support::DoomedHost;
using treehold::Command;

TEST_CASE("treehold sweep tells what is left behind, and ends it", "[cli]") {
  support::require_umbrella();
  DoomedHost host("killed-unguarded");
  const std::string umbrella = host.umbrellas().at(0);
  const std::string place = std::filesystem::path(umbrella).parent_path();
  // The host lives: this is its own.
  CHECK_FALSE(contains(program({"sweep", place}).run(), umbrella));
  CHECK_FALSE(host.any_dead());
  host.kill();
  host.wait();

  const std::string told = program({"sweep", "--dry-run", place}).run();
  CHECK(contains(told, umbrella + ": processes "));
  CHECK(contains(told + " ", " " + std::to_string(host.pids().at(0)) + " "));
  CHECK_FALSE(host.any_dead());

  if (support::is_root()) {
    const treehold::Output refused = program({"sweep", place}).uid(65534).gid(65534).output();
    INFO(refused.stderr_bytes);
    CHECK(refused.outcome == treehold::Outcome::exited(125));
    CHECK(contains(refused.stderr_bytes, umbrella));
    CHECK(contains(refused.stderr_bytes, "cgroup.kill: "));
    CHECK_FALSE(host.any_dead());
  }

  CHECK(contains(program({"sweep", place}).run(), "ended " + umbrella + ": processes "));
  CHECK(host.ended());
  CHECK(program({"sweep", "--dry-run", umbrella}).output().outcome ==
        treehold::Outcome::exited(125));
}

TEST_CASE("treehold sweep knows owners in other namespaces", "[cli]") {
  support::require_umbrella();
  support::require_root();
  DoomedHost host("killed");
  const std::string umbrella = host.umbrellas().at(0);
  const std::string place = std::filesystem::path(umbrella).parent_path();
  const std::string text =
      Command("unshare", {"--pid", "--fork", "--time", support::program_path, "sweep", place})
          .run();
  CHECK_FALSE(contains(text, umbrella));
  CHECK_FALSE(host.any_dead());
  host.kill();
  CHECK(host.ended());
}

TEST_CASE("treehold sweep refuses what is no place", "[cli]") {
  const treehold::Output out = program({"sweep", "/no/such/directory"}).output();
  CHECK(out.outcome == treehold::Outcome::exited(125));
  CHECK(contains(out.stderr_bytes, "/no/such/directory"));
}
