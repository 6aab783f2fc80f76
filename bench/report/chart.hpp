// A comparison as a picture.
#pragma once

#include <string>

#include "bench/report/report.hpp"

namespace bench {

/// A whole SVG file: a bar of the median for each, with a line from the 5th to the 95th percentile;
/// on a logarithmic scale where the medians lie far apart. Follows the viewer's light or dark
/// scheme.
[[nodiscard]] std::string draw(const Comparison& comparison);

}  // namespace bench
