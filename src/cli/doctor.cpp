#include "src/cli/doctor.hpp"

#include <spdlog/fmt/fmt.h>
#include <spdlog/fmt/ranges.h>

#include <iostream>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include <treehold/mechanism.hpp>

#include "src/cli/remedies.hpp"
#include "src/cli/report.hpp"

namespace treehold::cli {
namespace {

void print(const std::string& name, const Guarantee& guarantee) {
  std::cout << fmt::format("  {:<25}{:<5}{}\n", name, guarantee.holds ? "yes" : "no",
                           guarantee.reason);
  if (!guarantee.remedy.empty()) {
    std::cout << fmt::format("  {:30}to mend: {}\n", "", guarantee.remedy);
  }
}

void print_everything(const HostReport& report) {
  std::cout << "kernel " << report.kernel << "\n";
  bool chosen = false;
  for (const MechanismReport& mechanism : report.mechanisms) {
    const bool is_default = mechanism.available.holds && !chosen;
    chosen = chosen || is_default;
    std::cout << "\n"
              << to_string(mechanism.guarantees.mechanism)
              << (is_default ? " (the default here)" : "") << "\n";
    print("available", mechanism.available);
    for (const auto& [name, guarantee] : promises(mechanism.guarantees)) {
      print(name, guarantee);
    }
    for (const auto& [name, guarantee] : mechanism.guarantees.limits) {
      print("limit: " + name, guarantee);
    }
    for (const auto& [name, guarantee] : mechanism.guarantees.limit_places) {
      print("place: " + name, guarantee);
    }
    for (const auto& [name, guarantee] : mechanism.guarantees.statistics) {
      print("statistic: " + name, guarantee);
    }
    std::cout << "  not covered:\n";
    for (const std::string& sentence : mechanism.guarantees.not_covered) {
      std::cout << "    - " << sentence << "\n";
    }
  }
}

void print_remedies(const std::vector<Remedy>& remedies) {
  if (remedies.empty()) {
    std::cout << "nothing to mend\n";
  }
  for (const Remedy& remedy : remedies) {
    std::cout << fmt::format("{}\n  for {}\n", remedy.text, fmt::join(remedy.enables, ", "));
  }
}

}  // namespace

int doctor(DoctorScope scope, DoctorFormat format) {
  const HostReport report = host_report();
  const bool as_json = format == DoctorFormat::json;
  if (scope == DoctorScope::remedies) {
    const std::vector<Remedy> remedies = remedies_of(report);
    if (as_json) {
      std::cout << boost::json::serialize(to_json(remedies)) << "\n";
    } else {
      print_remedies(remedies);
    }
  } else if (as_json) {
    std::cout << boost::json::serialize(to_json(report)) << "\n";
  } else {
    print_everything(report);
  }
  return 0;
}

}  // namespace treehold::cli
