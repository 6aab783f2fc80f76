// What a job may use.
#pragma once

#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>

#include "platform/windows/job.hpp"

namespace treehold::inline v0::platform {

/// Has the job hold `limits` and no others, and asks the system whether it does. Throws
/// `LimitRefused`; then some may have been set.
void set_limits(const Job& job, const Limits& limits);

/// Fills in what a job can hold on this system.
void report_limits(Guarantees& all);

}  // namespace treehold::inline v0::platform
