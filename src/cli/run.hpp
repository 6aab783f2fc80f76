// `treehold run`: a program with its whole tree, from the start to the end of the last member.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>

namespace treehold::cli {

/// Exit statuses of treehold itself; those of the program are passed on, 128+n for signal n.
enum ExitStatus : int {
  timed_out_status = 124,
  own_failure_status = 125,
  not_executable_status = 126,
  not_found_status = 127,
  signal_status_base = 128,
};

struct RunOptions {
  std::vector<std::string> command_line;  ///< the program and its arguments
  std::optional<std::chrono::nanoseconds> timeout;
  std::optional<std::chrono::nanoseconds> idle_timeout;
  std::chrono::nanoseconds grace = std::chrono::seconds(2);
  std::optional<Mechanism> mechanism;
  std::string directory;
  std::vector<std::string> environment;  ///< NAME=VALUE
  bool clear_environment = false;
  std::string json_file;
  bool show_tree = false;
  Limits limits;
  bool in_scope = false;
  bool show_statistics = false;
  std::string plot_file;
};

/// The exit status of the program.
int run(const RunOptions& options);

}  // namespace treehold::cli
