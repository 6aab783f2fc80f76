// What mechanisms without a cgroup say of limits and statistics: that they have none.
#pragma once

#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// Throws `LimitRefused` unless there are none.
void refuse_limits(Mechanism mechanism, const Limits& limits);

/// Says of each limit and statistic why it is not there.
void report_no_limits(Guarantees& all);

/// What would make a promise hold that only a cgroup keeps.
[[nodiscard]] const char* remedy_by_cgroup() noexcept;

}  // namespace treehold::inline v0::platform
