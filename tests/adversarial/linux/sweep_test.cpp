// What hosts have left behind is found and ended, and nothing that has an owner.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "doomed_host.hpp"
#include "support.hpp"

using namespace support;
using plain::role;
using treehold::Process;
using treehold::ProcessGroup;
using treehold::StaleGroups;
using treehold::SweepOptions;

namespace {

const StaleGroups* find(const std::vector<StaleGroups>& all, const std::string& directory) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const StaleGroups& groups) {
    return groups.directory == directory;
  });
  return found != all.end() ? &*found : nullptr;
}

/// The place of all: one of them is above the others.
std::string common_place(const std::vector<std::string>& umbrellas) {
  std::string place = std::filesystem::path(umbrellas.front()).parent_path();
  for (const std::string& umbrella : umbrellas) {
    const std::string other = std::filesystem::path(umbrella).parent_path();
    place = other.size() < place.size() ? other : place;
  }
  return place;
}

}  // namespace

TEST_CASE("what a killed host has left is told, and then ended",
          "[contract][adversarial][guardian]") {
  require_umbrella();
  const std::string scenario = GENERATE("killed-unguarded", "killed-with-limits-unguarded");
  if (scenario == "killed-with-limits-unguarded") {
    require_limit("processes");
  }
  INFO(scenario);
  DoomedHost host(scenario);
  host.kill();
  host.wait();
  const std::vector<std::string> umbrellas = host.umbrellas();
  REQUIRE_FALSE(umbrellas.empty());

  SweepOptions options;
  options.directory = common_place(umbrellas);
  options.dry_run = true;
  const std::vector<StaleGroups> told = treehold::sweep_stale_groups(options);
  std::vector<treehold::ProcessId> members;
  for (const std::string& umbrella : umbrellas) {
    INFO(umbrella);
    const StaleGroups* const groups = find(told, umbrella);
    REQUIRE(groups != nullptr);
    CHECK_FALSE(groups->ended);
    CHECK(groups->problem.empty());
    members.insert(members.end(), groups->members.begin(), groups->members.end());
  }
  for (const pid_t pid : host.pids()) {
    INFO(pid);
    CHECK(std::count(members.begin(), members.end(), pid) == 1);
  }
  CHECK_FALSE(host.any_dead());

  options.dry_run = false;
  const std::vector<StaleGroups> ended = treehold::sweep_stale_groups(options);
  for (const std::string& umbrella : umbrellas) {
    INFO(umbrella);
    const StaleGroups* const groups = find(ended, umbrella);
    REQUIRE(groups != nullptr);
    CHECK(groups->ended);
    CHECK(groups->problem.empty());
  }
  CHECK(host.ended());
  for (const std::string& umbrella : umbrellas) {
    CHECK(find(treehold::sweep_stale_groups(options), umbrella) == nullptr);
  }
}

TEST_CASE("what has an owner is not swept", "[contract][adversarial][guardian]") {
  require_umbrella();
  ProcessGroup group;
  Process child = group.start(role("sleep"));
  const PidWatch watch(child.pid());
  for (const bool dry_run : {true, false}) {
    SweepOptions options;
    options.dry_run = dry_run;
    for (const std::string& umbrella : own_umbrellas()) {
      options.directory = std::filesystem::path(umbrella).parent_path();
      CHECK(find(treehold::sweep_stale_groups(options), umbrella) == nullptr);
    }
  }
  CHECK_FALSE(watch.dead());
  CHECK(group.members().size() == 1);
}

TEST_CASE("a sweep of no place is refused", "[contract][guardian]") {
  require_umbrella();
  SweepOptions options;
  options.directory = "/no/such/directory";
  CHECK_THROWS_AS(treehold::sweep_stale_groups(options), treehold::Unsupported);
  options.directory = "/";
  CHECK_THROWS_AS(treehold::sweep_stale_groups(options), treehold::Unsupported);
  options.patience = std::chrono::milliseconds(-1);
  CHECK_THROWS_AS(treehold::sweep_stale_groups(options), treehold::InvalidSetting);
}
