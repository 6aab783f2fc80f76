#include "src/cli/remedies.hpp"

#include <algorithm>
#include <utility>

#include "src/cli/report.hpp"

namespace treehold::cli {
namespace {

using Named = std::vector<std::pair<std::string, Guarantee>>;

/// All promises by their place in the doctor's JSON.
Named all_promises(const Guarantees& guarantees) {
  Named all = promises(guarantees);
  for (const auto& [name, guarantee] : guarantees.limits) {
    all.emplace_back("limits." + name, guarantee);
  }
  for (const auto& [name, guarantee] : guarantees.statistics) {
    all.emplace_back("statistics." + name, guarantee);
  }
  return all;
}

bool holds_with(const MechanismReport& mechanism, const std::string& name) {
  const Named all = all_promises(mechanism.guarantees);
  return mechanism.available.holds &&
         std::any_of(all.begin(), all.end(), [&name](const auto& promise) {
           return promise.first == name && promise.second.holds;
         });
}

}  // namespace

std::vector<Remedy> remedies_of(const HostReport& report) {
  std::vector<Remedy> remedies;
  const auto add = [&remedies](const std::string& name, const Guarantee& guarantee) {
    if (guarantee.holds || guarantee.remedy.empty()) {
      return;
    }
    const auto known = std::find_if(remedies.begin(), remedies.end(), [&](const Remedy& remedy) {
      return remedy.text == guarantee.remedy;
    });
    if (known != remedies.end()) {
      known->enables.push_back(name);
    } else {
      remedies.push_back({guarantee.remedy, {name}});
    }
  };
  if (report.mechanisms.empty()) {
    return remedies;
  }
  // The others promise less: what helps them is what helps the best one.
  const MechanismReport& best = report.mechanisms.front();
  add("mechanism " + std::string(to_string(best.guarantees.mechanism)), best.available);
  for (const auto& promise : all_promises(best.guarantees)) {
    const bool holds_anyway =
        std::any_of(report.mechanisms.begin(), report.mechanisms.end(),
                    [&](const MechanismReport& other) { return holds_with(other, promise.first); });
    if (!holds_anyway) {
      add(promise.first, promise.second);
    }
  }
  return remedies;
}

}  // namespace treehold::cli
