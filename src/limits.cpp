#include "src/limits.hpp"

#include <algorithm>
#include <cmath>
#include <set>

#include <treehold/error.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {
namespace {

void require(bool condition, const std::string& limit, const char* problem) {
  if (!condition) {
    LimitRefusal refusal;
    refusal.limit = limit;
    refusal.problem = LimitProblem::invalid;
    refusal.reason = problem;
    throw LimitRefused(refusal);
  }
}

void require_valid(const IoLimit& limit) {
  require(!limit.device.empty(), "io", "names no device");
  require(limit.device.find('\0') == std::string::npos, "io", "has a NUL in the name of a device");
  const std::optional<std::uint64_t>* const rates[] = {
      &limit.read_bytes_per_second, &limit.write_bytes_per_second, &limit.reads_per_second,
      &limit.writes_per_second};
  bool any = false;
  for (const auto* rate : rates) {
    require(*rate != std::uint64_t{0}, "io", "lets nothing pass");
    any = any || rate->has_value();
  }
  require(any, "io", "limits nothing of a device");
}

}  // namespace

void require_valid(const Limits& limits) {
  constexpr std::uint64_t page = 4096;
  constexpr std::uint64_t most = std::uint64_t{1} << 62;  // what the kernel counts pages of
  require(!limits.memory || *limits.memory >= page, "memory", "is less than a page");
  require(!limits.memory || *limits.memory <= most, "memory", "is more than can be counted");
  require(!limits.swap || *limits.swap <= most, "swap", "is more than can be counted");
  require(!limits.memory_high || *limits.memory_high >= page, "memory_high", "is less than a page");
  require(!limits.memory_high || *limits.memory_high <= most, "memory_high",
          "is more than can be counted");
  require(!limits.memory || !limits.memory_high || *limits.memory_high <= *limits.memory,
          "memory_high", "is above the limit of memory");
  require(!limits.oom_kills_group.value_or(false) || limits.memory, "oom_kills_group",
          "needs a limit of memory");
  constexpr std::uint64_t most_processes = std::uint64_t{1} << 22;  // PID_MAX_LIMIT
  require(!limits.processes || *limits.processes >= 1, "processes", "lets nothing start");
  require(!limits.processes || *limits.processes <= most_processes, "processes",
          "is more than a system can have");
  require(!limits.cpus || (std::isfinite(*limits.cpus) && *limits.cpus >= 0.01), "cpus",
          "is less than 0.01 or no number");
  constexpr double most_cpus = 8192;
  require(!limits.cpus || *limits.cpus <= most_cpus, "cpus", "is more than 8192");
  require(!limits.cpu_weight || (*limits.cpu_weight >= 1 && *limits.cpu_weight <= 10000),
          "cpu_weight", "is outside of 1 to 10000");
  if (limits.cpu_set) {
    require(!limits.cpu_set->empty(), "cpu_set", "names no CPU");
    require(*std::max_element(limits.cpu_set->begin(), limits.cpu_set->end()) < 8192, "cpu_set",
            "names a CPU beyond 8191");
  }
  std::set<std::string> devices;
  for (const IoLimit& limit : limits.io) {
    require_valid(limit);
    require(devices.insert(limit.device).second, "io", "names a device twice");
  }
  require(!limits.cpu_time || *limits.cpu_time > std::chrono::nanoseconds::zero(), "cpu_time",
          "lets nothing run");
  platform::require_supported(limits);
}

Evidence evidence_of(const LimitEvidence& evidence, const std::string& limit) {
  const auto found = std::find_if(evidence.begin(), evidence.end(),
                                  [&limit](const auto& entry) { return entry.first == limit; });
  return found != evidence.end() ? found->second
                                 : Evidence{Tripped::unknown, 0, "this limit is not set"};
}

}  // namespace treehold::inline v0
