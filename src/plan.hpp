// A command resolved against this host: everything a start needs, decided and allocated before a
// child exists. `src/` makes it, `platform/` carries it out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <treehold/command.hpp>

namespace treehold::inline v0 {

/// Where one of the three standard streams of a child leads.
enum class Wiring {
  null,         ///< /dev/null
  inherit,      ///< the host's own; null where the host has it closed
  pipe,         ///< a pipe whose other end the host holds
  read_file,    ///< a file, opened by the child before it changes anything about itself
  create_file,  ///< the same, created or truncated
  append_file,  ///< the same, created or appended to
  to_stdout,    ///< (standard error only) the description that standard output has
};

struct StreamPlan {
  Wiring wiring = Wiring::null;
  std::string path;  ///< absolute; for the files
};

struct ResourceLimitPlan {
  Resource resource = Resource::open_files;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

struct SpawnPlan {
  std::string program;                   ///< resolved path
  std::vector<std::string> arguments;    ///< with argv[0]
  std::vector<std::string> environment;  ///< NAME=value
  std::optional<std::string> directory;
  StreamPlan standard_input;
  StreamPlan standard_output;
  StreamPlan standard_error;

  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::vector<std::uint32_t>> groups;
  std::optional<std::uint32_t> umask;
  bool new_session = false;
  std::vector<ResourceLimitPlan> resource_limits;
  std::optional<int> nice;
  std::vector<unsigned> cpus;        ///< empty: as inherited
  std::optional<int> oom_score_adj;  ///< none: the host's own, but at least 0
  bool no_new_privileges = false;

  bool create_no_window = false;
  bool new_process_group = false;
};

}  // namespace treehold::inline v0
