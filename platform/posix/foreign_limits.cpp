#include "platform/posix/foreign_limits.hpp"

#include <string>
#include <vector>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {
namespace {

struct ForeignLimit {
  const char* name;
  bool wanted;
  const char* reason;
  const char* remedy;
};

std::vector<ForeignLimit> foreign_limits(const Limits& limits) {
  constexpr const char* of_windows = "it is a limit of Windows' job objects";
  return {
      {"cpu_time", limits.cpu_time.has_value(), of_windows,
       "bound the CPU time of each process (Command::resource_limit)"},
      {"priority", limits.priority.has_value(), of_windows,
       "give the leader a nice value (Command::nice), which is inherited"},
      {"ui", limits.ui != UiRestrictions{}, of_windows, ""},
  };
}

}  // namespace

void require_supported(const Limits& limits) {
  for (const ForeignLimit& limit : foreign_limits(limits)) {
    if (limit.wanted) {
      LimitRefusal refusal;
      refusal.limit = limit.name;
      refusal.problem = LimitProblem::unsupported;
      refusal.reason = limit.reason;
      refusal.remedy = limit.remedy;
      throw LimitRefused(std::move(refusal));
    }
  }
}

void report_foreign_limits(Guarantees& all) {
  for (const ForeignLimit& limit : foreign_limits({})) {
    all.limits.emplace_back(limit.name, Guarantee{false, limit.reason, limit.remedy});
  }
}

}  // namespace treehold::inline v0::platform
