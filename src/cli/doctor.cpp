#include "src/cli/doctor.hpp"

#include <iomanip>
#include <iostream>

#include <boost/json.hpp>

#include <treehold/mechanism.hpp>

#include "src/cli/report.hpp"

namespace treehold::cli {
namespace {

void print(const std::string& name, const Guarantee& guarantee) {
  constexpr int column = 25;
  std::cout << "  " << std::left << std::setw(column) << name << std::setw(5)
            << (guarantee.holds ? "yes" : "no") << guarantee.reason << "\n";
  if (!guarantee.remedy.empty()) {
    std::cout << "  " << std::string(column, ' ') << "     to mend: " << guarantee.remedy << "\n";
  }
}

}  // namespace

int doctor(DoctorFormat format) {
  const HostReport report = host_report();
  if (format == DoctorFormat::json) {
    std::cout << boost::json::serialize(to_json(report)) << "\n";
    return 0;
  }
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
    for (const auto& [name, guarantee] : mechanism.guarantees.statistics) {
      print("statistic: " + name, guarantee);
    }
    std::cout << "  not covered:\n";
    for (const std::string& sentence : mechanism.guarantees.not_covered) {
      std::cout << "    - " << sentence << "\n";
    }
  }
  return 0;
}

}  // namespace treehold::cli
