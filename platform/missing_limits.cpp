#include "platform/missing_limits.hpp"

#include <utility>

#include <treehold/error.hpp>

#include "platform/limit_names.hpp"
#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

void require_supported(const Limits& limits) {
  for (const MissingLimit& missing : missing_limits()) {
    if (is_set(limits, missing.name)) {
      LimitRefusal refusal;
      refusal.limit = missing.name;
      refusal.problem = LimitProblem::unsupported;
      refusal.reason = missing.reason;
      refusal.remedy = missing.remedy;
      throw LimitRefused(std::move(refusal));
    }
  }
}

void report_missing_limits(Guarantees& all) {
  for (const MissingLimit& missing : missing_limits()) {
    all.limits.emplace_back(missing.name, Guarantee{false, missing.reason, missing.remedy});
  }
}

}  // namespace treehold::inline v0::platform
