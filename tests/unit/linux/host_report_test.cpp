// What treehold says about the places that limits may come from.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

using treehold::Guarantee;
using treehold::Guarantees;
using treehold::Mechanism;
using treehold::MechanismReport;

namespace {

std::vector<std::string> names_of(const std::vector<std::pair<std::string, Guarantee>>& named) {
  std::vector<std::string> names;
  for (const auto& [name, guarantee] : named) {
    names.push_back(name);
  }
  return names;
}

bool holds(const std::vector<std::pair<std::string, Guarantee>>& named, const std::string& name) {
  return std::any_of(named.begin(), named.end(),
                     [&](const auto& each) { return each.first == name && each.second.holds; });
}

Guarantees guarantees_of(Mechanism mechanism) {
  for (const MechanismReport& report : treehold::host_report().mechanisms) {
    if (report.guarantees.mechanism == mechanism) {
      return report.guarantees;
    }
  }
  return {};
}

}  // namespace

TEST_CASE("the report tells each place that limits may come from, in order", "[unit][limits]") {
  const Guarantees cgroups = guarantees_of(Mechanism::cgroup_v2);
  CHECK(names_of(cgroups.limit_places) ==
        std::vector<std::string>{"delegation_root", "named_directory", "host_leaf", "scope",
                                 "version_1", "refusal"});
  CHECK(names_of(guarantees_of(Mechanism::process_group).limit_places) ==
        std::vector<std::string>{"refusal"});
  CHECK(holds(cgroups.limit_places, "refusal"));
  // Without a request limits come from three of them.
  const bool from_a_place = holds(cgroups.limit_places, "delegation_root") ||
                            holds(cgroups.limit_places, "named_directory") ||
                            holds(cgroups.limit_places, "version_1");
  const bool any_limit = std::any_of(cgroups.limits.begin(), cgroups.limits.end(),
                                     [](const auto& limit) { return limit.second.holds; });
  CHECK((any_limit == from_a_place || support::mechanism() != Mechanism::cgroup_v2));
  if (!std::filesystem::exists("/run/systemd/system")) {
    CHECK_FALSE(holds(cgroups.limit_places, "scope"));
  }
}

TEST_CASE("the report tells what a named directory is worth", "[unit][limits]") {
  const char* const set = std::getenv("TREEHOLD_CGROUP");
  const std::string before = set == nullptr ? "" : set;
  ::setenv("TREEHOLD_CGROUP", "/nowhere", 1);
  const Guarantees wrong = guarantees_of(Mechanism::cgroup_v2);
  ::unsetenv("TREEHOLD_CGROUP");
  const Guarantees none = guarantees_of(Mechanism::cgroup_v2);
  if (!before.empty()) {
    ::setenv("TREEHOLD_CGROUP", before.c_str(), 1);
  }
  for (const Guarantees& each : {wrong, none}) {
    CHECK_FALSE(holds(each.limit_places, "named_directory"));
    CHECK(holds(each.limit_places, "delegation_root") ==
          holds(none.limit_places, "delegation_root"));
  }
  REQUIRE(wrong.limit_places.size() > 1);
  CHECK(wrong.limit_places[1].second.reason.find("/nowhere") != std::string::npos);
  CHECK(none.limit_places[1].second.reason == "TREEHOLD_CGROUP is not set");
}
