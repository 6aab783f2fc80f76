// What a `Command` holds: the settings as they were given, their validation, and the plan made of
// them.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <treehold/command.hpp>

#include "src/plan.hpp"

namespace treehold::inline v0 {

using Duration = std::chrono::nanoseconds;

/// A choice among several that exclude each other: the first one made, and whether another was
/// made, too.
template <class Kind>
struct Choice {
  std::optional<Kind> kind;
  bool contradicted = false;

  void choose(Kind wanted) {
    contradicted = contradicted || (kind && *kind != wanted);
    kind = wanted;
  }
};

enum class InputKind { bytes, file, inherit, pipe };
enum class OutputKind { capture, null, inherit, create, append, to_stdout };

/// A copy of a stream: into a file, or a sink, or nowhere.
struct TeeSettings {
  std::optional<std::string> path;
  TeeSink sink;

  [[nodiscard]] bool wanted() const { return sink || path; }
};

struct OutputSettings {
  Choice<OutputKind> choice;
  std::string path;
  LineHandler line_handler;
  TeeSettings tee;

  [[nodiscard]] OutputKind kind() const { return choice.kind.value_or(OutputKind::capture); }
};

/// What becomes of a variable.
struct EnvChange {
  std::string name;
  std::optional<std::string> value;  ///< none: removed
};

struct Settings {
  std::string program;
  std::vector<std::string> arguments;
  std::optional<std::string> arg0;

  std::optional<std::string> current_dir;
  bool env_cleared = false;
  std::optional<std::set<std::string, std::less<>>> env_inherited;  ///< names; all when absent
  std::map<std::string, EnvChange> env_changes;                     ///< by the key of the variable

  Choice<InputKind> input;
  std::shared_ptr<const std::string> input_bytes;  ///< shared, since it may be much
  std::string input_path;
  OutputSettings standard_output;
  OutputSettings standard_error;
  OutputLimit output_limit;
  LineEnding line_ending = LineEnding::newline;

  std::optional<Duration> timeout;
  std::optional<Duration> inactivity_timeout;
  Duration timeout_grace{0};
  Duration cancel_grace{0};
  Signal soft_signal = Signal::terminate;
  WaitScope wait_scope = WaitScope::leader;
  Duration drain_grace = std::chrono::milliseconds(100);
  bool kill_on_host_death = true;

  Limits limits;
  bool accounting = false;

  std::set<int> accepted{0};

  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  std::optional<std::vector<std::uint32_t>> groups;
  std::optional<std::uint32_t> umask;
  bool new_session = false;
  std::map<Resource, ResourceLimitPlan> resource_limits;
  std::optional<int> nice;
  std::optional<std::vector<unsigned>> cpus;
  std::optional<int> oom_score_adj;
  bool no_new_privileges = false;

  bool create_no_window = false;
  bool new_process_group = false;

  /// Whether a private run needs a group of its own.
  [[nodiscard]] bool wants_own_group() const { return accounting || !limits.empty(); }

  /// Throws `InvalidSetting`, `LimitRefused`, `Unsupported`.
  void validate() const;

  /// What the child's environment will be, as NAME=value.
  [[nodiscard]] std::vector<std::string> child_environment() const;

  /// The path to execute. Throws `ProgramNotFound`, or `SpawnFailed` when it cannot be executed.
  [[nodiscard]] std::string resolve_program() const;

  /// Validates, resolves and decides all. Throws what those throw.
  [[nodiscard]] SpawnPlan plan() const;

 private:
  /// As `validate`; what of the plan needs nothing to be looked up.
  [[nodiscard]] SpawnPlan validated() const;
  [[nodiscard]] std::vector<std::string> inherited_environment() const;
  [[nodiscard]] std::string resolve_in(const std::vector<std::string>& environment) const;
};

}  // namespace treehold::inline v0
