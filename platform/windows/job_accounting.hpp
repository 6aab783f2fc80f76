// What the members of a job have used, those that have ended included.
#pragma once

#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>
#include <treehold/statistics.hpp>

#include "platform/windows/job.hpp"

namespace treehold::inline v0::platform {

[[nodiscard]] Statistics statistics_of(const Job& job);
[[nodiscard]] LimitEvidence evidence_of(const Job& job, const Limits& limits);

/// Fills in what a job counts on this system.
void report_statistics(Guarantees& all);

}  // namespace treehold::inline v0::platform
