#include "src/settings.hpp"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string_view>
#include <unordered_set>
#include <utility>

#include <treehold/error.hpp>

#include "platform/platform.hpp"
#include "src/limits.hpp"
#include "src/path_text.hpp"

namespace treehold::inline v0 {
namespace {

namespace fs = std::filesystem;

void require(bool condition, const std::string& setting, const char* problem) {
  if (!condition) {
    throw InvalidSetting(setting, problem);
  }
}

void require_no_nul(const std::string& setting, std::string_view text) {
  require(text.find('\0') == std::string_view::npos, setting, "contains a NUL character");
}

void require_path(const std::string& setting, std::string_view path) {
  require(!path.empty(), setting, "is an empty path");
  require_no_nul(setting, path);
}

void require_variable_name(const std::string& setting, std::string_view name) {
  require(!name.empty(), setting, "has an empty name");
  require(name.find('=') == std::string_view::npos, setting, "has a name with '='");
  require_no_nul(setting, name);
}

void require_duration(const std::string& setting, const std::optional<Duration>& duration,
                      bool zero_allowed) {
  if (duration) {
    require(*duration >= Duration::zero(), setting, "is negative");
    require(zero_allowed || *duration > Duration::zero(), setting, "is zero");
  }
}

void require_output(const std::string& stream, const OutputSettings& output) {
  require(!output.choice.contradicted, stream, "is sent to two places");
  if (output.kind() == OutputKind::create) {
    require_path(stream + "_file", output.path);
  } else if (output.kind() == OutputKind::append) {
    require_path(stream + "_append", output.path);
  }
  require(!output.line_handler || output.kind() == OutputKind::capture, "on_" + stream + "_line",
          "needs the stream to be captured");
  require(!output.tee.wanted() || output.kind() == OutputKind::capture, stream + "_tee",
          "needs the stream to be captured");
  if (output.tee.path) {
    require_path(stream + "_tee", *output.tee.path);
  }
  require(!output.tee.sink || !output.tee.path, stream + "_tee", "is sent to two places");
}

std::string absolute(const std::string& path) {
  return path.empty() ? path : text_of(fs::absolute(path_of(path)));
}

StreamPlan output_plan(const OutputSettings& output) {
  switch (output.kind()) {
    case OutputKind::capture: return {Wiring::pipe, ""};
    case OutputKind::null: return {Wiring::null, ""};
    case OutputKind::inherit: return {Wiring::inherit, ""};
    case OutputKind::create: return {Wiring::create_file, absolute(output.path)};
    case OutputKind::append: return {Wiring::append_file, absolute(output.path)};
    case OutputKind::to_stdout: return {Wiring::to_stdout, ""};
  }
  return {};
}

StreamPlan input_plan(const Settings& settings) {
  if (!settings.input.kind) {
    return {Wiring::null, ""};
  }
  switch (*settings.input.kind) {
    case InputKind::bytes:
    case InputKind::pipe: return {Wiring::pipe, ""};
    case InputKind::inherit: return {Wiring::inherit, ""};
    case InputKind::file: return {Wiring::read_file, absolute(settings.input_path)};
  }
  return {};
}

/// The places where a bare name is searched: absolute ones only, so that it is never the current
/// directory.
std::vector<std::string> search_places(const std::optional<std::string>& path) {
  std::vector<std::string> places;
  const std::string all = path ? *path : platform::default_search_path();
  std::string_view rest = all;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(platform::search_path_separator()), rest.size());
    const std::string_view place = rest.substr(0, end);
    if (path_of(place).is_absolute()) {
      places.emplace_back(place);
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return places;
}

}  // namespace

SpawnPlan Settings::validated() const {
  require_path("program", program);
  for (const std::string& argument : arguments) {
    require_no_nul("arg", argument);
  }
  if (arg0) {
    require_no_nul("arg0", *arg0);
  }
  if (current_dir) {
    require_path("current_dir", *current_dir);
  }
  for (const auto& [key, change] : env_changes) {
    require_variable_name(change.value ? "env" : "env_remove", change.name);
    if (change.value) {
      require_no_nul("env", *change.value);
    }
  }
  if (env_inherited) {
    require(!env_cleared, "env_inherit_only", "contradicts env_clear");
    for (const std::string& name : *env_inherited) {
      require_variable_name("env_inherit_only", name);
    }
  }

  require(!input.contradicted, "stdin", "comes from two sources");
  require(input.kind != InputKind::bytes || input_bytes, "stdin_bytes", "is a null pointer");
  if (input.kind == InputKind::file) {
    require_path("stdin_file", input_path);
  }
  require_output("stdout", standard_output);
  require_output("stderr", standard_error);

  require_duration("timeout", timeout, true);
  require_duration("inactivity_timeout", inactivity_timeout, false);
  require_duration("timeout_grace", timeout_grace, true);
  require_duration("cancel_grace", cancel_grace, true);
  require_duration("drain_grace", drain_grace, true);
  require(!inactivity_timeout || standard_output.kind() == OutputKind::capture ||
              standard_error.kind() == OutputKind::capture,
          "inactivity_timeout", "needs a captured stream to watch");
  require(platform::native_number(soft_signal).has_value(), "soft_signal",
          "is no signal of this system");

  require(!accepted.empty(), "accept_exit_codes", "accepts none");
  for (const int code : accepted) {
    require(platform::is_exit_code(code), "accept_exit_codes",
            "has a code that no program can end with");
  }

  require_valid(limits);
  if (!kill_on_host_death) {
    throw Unsupported("kill_on_host_death(false)",
                      "what treehold starts ends with its host; for what is to stay, ask a service "
                      "manager (systemd-run) or use Boost.Process");
  }

  constexpr std::uint32_t no_id =
      ~std::uint32_t{0};  // (uid_t)-1 means "leave as it is" to the kernel
  require(uid != no_id, "uid", "is not a user");
  require(gid != no_id, "gid", "is not a group");
  if (groups) {
    constexpr std::size_t most = 16000;  // what fits into one argument of the helper
    require(groups->size() <= most, "groups", "has more than 16000 groups");
  }
  require(!umask || *umask <= 0777, "umask", "has bits outside of 0777");
  for (const auto& [resource, limit] : resource_limits) {
    require(limit.soft <= limit.hard, "resource_limit", "has a soft limit above its hard limit");
  }
  require(!nice || (*nice >= -20 && *nice <= 19), "nice", "is outside of -20 to 19");
  require(!oom_score_adj || (*oom_score_adj >= -1000 && *oom_score_adj <= 1000), "oom_score_adj",
          "is outside of -1000 to 1000");
  if (cpus) {
    require(!cpus->empty(), "cpu_affinity", "names no CPU");
    for (const unsigned cpu : *cpus) {
      constexpr unsigned most = 8192;  // CONFIG_NR_CPUS of the largest kernels
      require(cpu < most, "cpu_affinity", "names a CPU beyond 8191");
    }
  }

  SpawnPlan plan;
  plan.uid = uid;
  plan.gid = gid;
  plan.groups = groups;
  if (!plan.groups && (uid || gid)) {
    plan.groups.emplace();  // the host's own must not stay with another user
  }
  plan.umask = umask;
  plan.new_session = new_session;
  for (const auto& [resource, limit] : resource_limits) {
    plan.resource_limits.push_back(limit);
  }
  plan.nice = nice;
  plan.cpus = cpus.value_or(std::vector<unsigned>());
  plan.oom_score_adj = oom_score_adj;
  plan.no_new_privileges = no_new_privileges;
  plan.create_no_window = create_no_window;
  plan.new_process_group = new_process_group;
  platform::require_supported(plan);
  return plan;
}

void Settings::validate() const {
  (void)validated();
}

namespace {

/// Of variables with one name the first counts, as for getenv(3). `keys` are those of `entries`.
void drop_repeated(std::vector<std::string>& entries, const std::vector<std::string>& keys) {
  // Hardly ever is there one, and this is asked at every start.
  std::vector<std::size_t> hashes(keys.size());
  std::transform(keys.begin(), keys.end(), hashes.begin(), std::hash<std::string>());
  std::sort(hashes.begin(), hashes.end());
  if (std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end()) {
    return;
  }
  std::unordered_set<std::string_view> seen;
  std::vector<std::string> first;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (seen.insert(keys[i]).second) {
      first.push_back(std::move(entries[i]));
    }
  }
  entries = std::move(first);
}

}  // namespace

std::vector<std::string> Settings::inherited_environment() const {
  using platform::variable_key;
  std::unordered_set<std::string> allowed;
  if (env_inherited) {
    for (const std::string& name : *env_inherited) {
      allowed.insert(variable_key(name));
    }
  }
  std::vector<std::string> host = platform::environment();
  std::vector<std::string> variables;
  std::vector<std::string> keys;
  variables.reserve(host.size() + env_changes.size());
  keys.reserve(host.size());
  for (std::string& entry : host) {
    // From 1: a name that begins with '=' is one of Windows' hidden variables.
    const std::size_t equals = entry.find('=', 1);
    if (equals == std::string::npos) {
      continue;
    }
    std::string key = variable_key(std::string_view(entry).substr(0, equals));
    if (!env_changes.contains(key) && (!env_inherited || allowed.contains(key))) {
      variables.push_back(std::move(entry));
      keys.push_back(std::move(key));
    }
  }
  drop_repeated(variables, keys);
  return variables;
}

std::vector<std::string> Settings::child_environment() const {
  std::vector<std::string> variables =
      env_cleared ? std::vector<std::string>() : inherited_environment();
  for (const auto& [key, change] : env_changes) {
    if (change.value) {
      variables.push_back(change.name + "=" + *change.value);
    }
  }
  return variables;
}

namespace {

std::optional<std::string> path_in(const std::vector<std::string>& environment) {
  const std::string wanted = platform::variable_key("PATH");
  for (const std::string& variable : environment) {
    const std::size_t equals = variable.find('=', 1);
    if (platform::variable_key(std::string_view(variable).substr(0, equals)) == wanted) {
      return variable.substr(equals + 1);
    }
  }
  return std::nullopt;
}

/// A search for a program: what was looked at, and what was found that cannot be executed.
class ProgramSearch {
 public:
  /// The file to execute, when it is one of those that `path` may mean.
  std::optional<std::string> try_path(const std::string& path) {
    using platform::Executability;
    for (std::string& file : platform::program_files(path)) {
      const Executability worth = platform::executability(file);
      if (worth == Executability::executable) {
        return std::move(file);
      }
      if (worth == Executability::forbidden && !forbidden_) {
        forbidden_ = file;
      }
      searched_.push_back(std::move(file));
    }
    return std::nullopt;
  }

  [[noreturn]] void fail(const std::string& program) {
    if (forbidden_) {
      throw SpawnFailed(SpawnStage::execute,
                        make_error_code(boost::system::errc::permission_denied), *forbidden_);
    }
    throw ProgramNotFound(program, std::move(searched_));
  }

 private:
  std::vector<std::string> searched_;
  std::optional<std::string> forbidden_;
};

}  // namespace

std::string Settings::resolve_program() const {
  return resolve_in(child_environment());
}

std::string Settings::resolve_in(const std::vector<std::string>& environment) const {
  ProgramSearch search;
  const fs::path given = path_of(program);
  if (given.has_parent_path() || given.has_root_name()) {
    if (auto file = search.try_path(absolute(program))) {
      return *file;
    }
  } else {
    for (const std::string& place : search_places(path_in(environment))) {
      if (auto file = search.try_path(text_of(path_of(place) / given))) {
        return *file;
      }
    }
  }
  search.fail(program);
}

SpawnPlan Settings::plan() const {
  SpawnPlan plan = validated();
  plan.environment = child_environment();
  plan.program = resolve_in(plan.environment);
  plan.arguments.reserve(arguments.size() + 1);
  plan.arguments.push_back(arg0.value_or(program));
  plan.arguments.insert(plan.arguments.end(), arguments.begin(), arguments.end());
  if (current_dir) {
    plan.directory = absolute(*current_dir);
  }
  plan.standard_input = input_plan(*this);
  plan.standard_output = output_plan(standard_output);
  plan.standard_error = output_plan(standard_error);
  platform::require_supported(plan);
  return plan;
}

}  // namespace treehold::inline v0
