// What treehold found, as JSON. Names are those of the headers.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include <treehold/mechanism.hpp>
#include <treehold/output.hpp>

#include "src/cli/remedies.hpp"

namespace treehold::cli {

/// What is known of a run at its end; it may have failed before there was an outcome.
struct RunReport {
  Limits limits;  ///< those that were asked for
  std::optional<Guarantees> guarantees;
  std::optional<Output> output;
  std::optional<std::string> error;
  int exit_status = 0;  ///< of treehold itself
};

[[nodiscard]] boost::json::value to_json(const RunReport& report);
[[nodiscard]] boost::json::value to_json(const HostReport& report);
[[nodiscard]] boost::json::value to_json(const std::vector<Remedy>& remedies);

/// "exited", "signalled", "timed_out", "idle_timed_out", "unknown".
[[nodiscard]] std::string_view kind_name(Outcome::Kind kind);

/// The single promises of `guarantees` by name, limits and statistics not among them.
[[nodiscard]] std::vector<std::pair<std::string, Guarantee>> promises(const Guarantees& guarantees);

}  // namespace treehold::cli
