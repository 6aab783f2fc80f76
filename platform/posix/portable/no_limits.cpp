#include "platform/posix/portable/no_limits.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <treehold/error.hpp>

#include "platform/limit_names.hpp"
#include "platform/missing_limits.hpp"
#include "platform/posix/portable/system.hpp"

namespace treehold::inline v0::platform {
namespace {

std::string no_limits() {
  return "this build for " + std::string(system_name()) + " has no limits of whole trees";
}

}  // namespace

void refuse_limits(const Limits& limits) {
  for (const std::string& name : limit_names()) {
    if (is_set(limits, name)) {
      LimitRefusal refusal;
      refusal.limit = name;
      refusal.problem = LimitProblem::unsupported;
      refusal.reason = no_limits();
      throw LimitRefused(std::move(refusal));
    }
  }
}

void report_no_limits(Guarantees& all) {
  report_missing_limits(all);
  for (const std::string& name : limit_names()) {
    const auto told = [&name](const auto& limit) { return limit.first == name; };
    if (std::none_of(all.limits.begin(), all.limits.end(), told)) {
      all.limits.emplace_back(name, Guarantee{false, no_limits(), ""});
    }
  }
  for (const char* name : {"processes", "threads", "cpu", "memory", "io", "pressure"}) {
    all.statistics.emplace_back(
        name,
        Guarantee{false,
                  "the mechanism " + std::string(to_string(all.mechanism)) + " counts nothing",
                  ""});
  }
  all.statistics.emplace_back("resource_use", resource_use_guarantee());
  all.limit_places.emplace_back(
      "refusal",
      Guarantee{true, "a limit that nothing here can hold is refused before anything is started",
                ""});
}

}  // namespace treehold::inline v0::platform
