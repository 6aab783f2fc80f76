// Ways to call the program `treehold`, and to look at what it writes.
#pragma once

#include <string>
#include <vector>

#include <boost/json.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

namespace cli {

inline treehold::Command program(const std::vector<std::string>& arguments) {
  return treehold::Command(support::program_path, arguments);
}

/// `treehold run` of a shell script.
inline treehold::Command run_shell(const std::string& script,
                                   std::vector<std::string> options = {}) {
  options.insert(options.begin(), "run");
  options.insert(options.end(), {"--", "sh", "-c", script});
  return program(options);
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline boost::json::value json_of(const std::string& file) {
  return boost::json::parse(support::read_file(file));
}

/// Whether the mechanism of this test run holds a limit, or tells a statistic, of that name.
inline bool holds(const std::vector<std::pair<std::string, treehold::Guarantee>>& promises,
                  const std::string& name) {
  for (const auto& [promise, guarantee] : promises) {
    if (promise == name) {
      return guarantee.holds;
    }
  }
  return false;
}

/// Ends the test case here where this limit cannot be held.
inline void require_limit(const std::string& limit) {
  if (!holds(support::guarantees().limits, limit)) {
    support::skip("the limit " + limit + " cannot be held here");
  }
}

}  // namespace cli
