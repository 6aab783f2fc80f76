// What a job may use, and what it has used.
#pragma once

#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>
#include <treehold/statistics.hpp>

#include "platform/windows/job.hpp"

namespace treehold::inline v0::platform {

/// Has the job hold `limits` and no others, and asks the system whether it does. Throws
/// `LimitRefused`; then some may have been set.
void set_limits(const Job& job, const Limits& limits);

[[nodiscard]] Statistics statistics_of(const Job& job);
[[nodiscard]] LimitEvidence evidence_of(const Job& job, const Limits& limits);

/// Fills in what a job can hold and count.
void report_limits(Guarantees& all);

}  // namespace treehold::inline v0::platform
