// What the portable mechanism says of limits and statistics: that it has none.
#pragma once

#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>

namespace treehold::inline v0::platform {

/// Throws `LimitRefused` unless there are none.
void refuse_limits(const Limits& limits);

/// Says of each limit and statistic why it is not there.
void report_no_limits(Guarantees& all);

}  // namespace treehold::inline v0::platform
