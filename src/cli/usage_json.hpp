// What limited a group, what it used and which limits it met, as JSON. Names are those of the
// headers, with the unit where a number has one; what is not known is not there.
#pragma once

#include <boost/json/object.hpp>

#include <treehold/limits.hpp>
#include <treehold/statistics.hpp>

namespace treehold::cli {

/// Those that are set.
[[nodiscard]] boost::json::object to_object(const Limits& limits);
[[nodiscard]] boost::json::object to_object(const Statistics& statistics);
[[nodiscard]] boost::json::object to_object(const LimitEvidence& evidence);

}  // namespace treehold::cli
