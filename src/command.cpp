#include <utility>

#include <treehold/command.hpp>

#include "platform/platform.hpp"
#include "src/path_text.hpp"
#include "src/settings.hpp"
#include "src/text.hpp"
#include "src/verbs.hpp"

namespace treehold::inline v0 {

Argument::Argument(const std::filesystem::path& path) : text_(text_of(path)) {}

Command::Command(const Argument& program) : settings_(std::make_unique<Settings>()) {
  settings_->program = program.text();
}

Command::Command(const Argument& program, std::initializer_list<Argument> arguments)
    : Command(program) {
  args(arguments);
}

Command::Command(const Command& other) : settings_(std::make_unique<Settings>(*other.settings_)) {}
Command::Command(Command&& other) noexcept = default;
Command& Command::operator=(const Command& other) {
  if (this != &other) {
    settings_ = std::make_unique<Settings>(*other.settings_);
  }
  return *this;
}
Command& Command::operator=(Command&& other) noexcept = default;
Command::~Command() = default;

Command& Command::arg(const Argument& argument) {
  settings_->arguments.push_back(argument.text());
  return *this;
}

Command& Command::args(std::initializer_list<Argument> arguments) {
  for (const Argument& argument : arguments) {
    arg(argument);
  }
  return *this;
}

Command& Command::arg0(std::string name) {
  settings_->arg0 = std::move(name);
  return *this;
}

Command& Command::current_dir(std::filesystem::path directory) {
  settings_->current_dir = text_of(directory);
  return *this;
}

Command& Command::env(std::string name, std::string value) {
  std::string key = platform::variable_key(name);
  settings_->env_changes.insert_or_assign(std::move(key),
                                          EnvChange{std::move(name), std::move(value)});
  return *this;
}

Command& Command::env_remove(std::string name) {
  std::string key = platform::variable_key(name);
  settings_->env_changes.insert_or_assign(std::move(key), EnvChange{std::move(name), std::nullopt});
  return *this;
}

Command& Command::env_clear() {
  settings_->env_cleared = true;
  settings_->env_changes.clear();
  return *this;
}

Command& Command::env_inherit_only(std::initializer_list<std::string_view> names) {
  if (!settings_->env_inherited) {
    settings_->env_inherited.emplace();
  }
  settings_->env_inherited->insert(names.begin(), names.end());
  return *this;
}

Command& Command::stdin_null() {
  settings_->input = {};
  settings_->input_bytes.reset();
  settings_->input_path.clear();
  return *this;
}

Command& Command::stdin_bytes(std::string bytes) {
  return stdin_bytes(std::make_shared<const std::string>(std::move(bytes)));
}

Command& Command::stdin_bytes(std::shared_ptr<const std::string> bytes) {
  settings_->input.choose(InputKind::bytes);
  settings_->input_bytes = std::move(bytes);
  return *this;
}

Command& Command::stdin_file(std::filesystem::path file) {
  settings_->input.choose(InputKind::file);
  settings_->input_path = text_of(file);
  return *this;
}

Command& Command::stdin_inherit() {
  settings_->input.choose(InputKind::inherit);
  return *this;
}

Command& Command::stdin_pipe() {
  settings_->input.choose(InputKind::pipe);
  return *this;
}

namespace {

void choose(OutputSettings& output, OutputKind kind, std::string path = {}) {
  output.choice.choose(kind);
  output.path = std::move(path);
}

}  // namespace

Command& Command::stdout_capture() {
  choose(settings_->standard_output, OutputKind::capture);
  return *this;
}
Command& Command::stdout_null() {
  choose(settings_->standard_output, OutputKind::null);
  return *this;
}
Command& Command::stdout_inherit() {
  choose(settings_->standard_output, OutputKind::inherit);
  return *this;
}
Command& Command::stdout_file(std::filesystem::path file) {
  choose(settings_->standard_output, OutputKind::create, text_of(file));
  return *this;
}
Command& Command::stdout_append(std::filesystem::path file) {
  choose(settings_->standard_output, OutputKind::append, text_of(file));
  return *this;
}
Command& Command::stderr_capture() {
  choose(settings_->standard_error, OutputKind::capture);
  return *this;
}
Command& Command::stderr_null() {
  choose(settings_->standard_error, OutputKind::null);
  return *this;
}
Command& Command::stderr_inherit() {
  choose(settings_->standard_error, OutputKind::inherit);
  return *this;
}
Command& Command::stderr_file(std::filesystem::path file) {
  choose(settings_->standard_error, OutputKind::create, text_of(file));
  return *this;
}
Command& Command::stderr_append(std::filesystem::path file) {
  choose(settings_->standard_error, OutputKind::append, text_of(file));
  return *this;
}
Command& Command::stderr_to_stdout() {
  choose(settings_->standard_error, OutputKind::to_stdout);
  return *this;
}

Command& Command::output_limit(OutputLimit limit) {
  settings_->output_limit = limit;
  return *this;
}

Command& Command::on_stdout_line(LineHandler handler) {
  settings_->standard_output.line_handler = std::move(handler);
  return *this;
}

Command& Command::on_stderr_line(LineHandler handler) {
  settings_->standard_error.line_handler = std::move(handler);
  return *this;
}

Command& Command::stdout_tee(std::filesystem::path file) {
  settings_->standard_output.tee.path = text_of(file);
  return *this;
}
Command& Command::stdout_tee(TeeSink sink) {
  settings_->standard_output.tee.sink = std::move(sink);
  return *this;
}
Command& Command::stderr_tee(std::filesystem::path file) {
  settings_->standard_error.tee.path = text_of(file);
  return *this;
}
Command& Command::stderr_tee(TeeSink sink) {
  settings_->standard_error.tee.sink = std::move(sink);
  return *this;
}

Command& Command::line_ending(LineEnding ending) {
  settings_->line_ending = ending;
  return *this;
}

Command& Command::kill_on_host_death(bool kill) {
  settings_->kill_on_host_death = kill;
  return *this;
}

Command& Command::limits(Limits limits) {
  settings_->limits = std::move(limits);
  return *this;
}

Command& Command::accounting() {
  settings_->accounting = true;
  return *this;
}

Command& Command::oom_score_adj(int value) {
  settings_->oom_score_adj = value;
  return *this;
}

Command& Command::timeout(std::chrono::nanoseconds duration) {
  settings_->timeout = duration;
  return *this;
}

Command& Command::inactivity_timeout(std::chrono::nanoseconds duration) {
  settings_->inactivity_timeout = duration;
  return *this;
}

Command& Command::timeout_grace(std::chrono::nanoseconds grace) {
  settings_->timeout_grace = grace;
  return *this;
}

Command& Command::cancel_grace(std::chrono::nanoseconds grace) {
  settings_->cancel_grace = grace;
  return *this;
}

Command& Command::soft_signal(Signal signal) {
  settings_->soft_signal = signal;
  return *this;
}

Command& Command::wait_scope(WaitScope scope) {
  settings_->wait_scope = scope;
  return *this;
}

Command& Command::drain_grace(std::chrono::nanoseconds grace) {
  settings_->drain_grace = grace;
  return *this;
}

Command& Command::accept_exit_codes(std::initializer_list<int> codes) {
  settings_->accepted = codes;
  return *this;
}

Command& Command::uid(std::uint32_t user) {
  settings_->uid = user;
  return *this;
}

Command& Command::gid(std::uint32_t group) {
  settings_->gid = group;
  return *this;
}

Command& Command::groups(std::vector<std::uint32_t> supplementary) {
  settings_->groups = std::move(supplementary);
  return *this;
}

Command& Command::umask(std::uint32_t mask) {
  settings_->umask = mask;
  return *this;
}

Command& Command::new_session() {
  settings_->new_session = true;
  return *this;
}

Command& Command::resource_limit(Resource resource, std::uint64_t soft, std::uint64_t hard) {
  settings_->resource_limits[resource] = {resource, soft, hard};
  return *this;
}

Command& Command::nice(int value) {
  settings_->nice = value;
  return *this;
}

Command& Command::cpu_affinity(std::vector<unsigned> cpus) {
  settings_->cpus = std::move(cpus);
  return *this;
}

Command& Command::no_new_privileges() {
  settings_->no_new_privileges = true;
  return *this;
}

Command& Command::create_no_window() {
  settings_->create_no_window = true;
  return *this;
}

Command& Command::new_process_group() {
  settings_->new_process_group = true;
  return *this;
}

std::filesystem::path Command::resolve_program() const {
  settings_->validate();
  return path_of(settings_->resolve_program());
}

void Command::validate() const {
  settings_->validate();
}

std::string Command::display_command_line() const {
  std::string line = shell_quoted(settings_->program);
  for (const std::string& argument : settings_->arguments) {
    line += " " + shell_quoted(argument);
  }
  return line;
}

std::string Command::debug_string() const {
  std::string text = "Command(" + escaped(settings_->program) + ", " +
                     std::to_string(settings_->arguments.size()) + " arguments";
  if (settings_->env_cleared) {
    text += ", environment cleared";
  }
  for (const auto& [key, change] : settings_->env_changes) {
    text += (change.value ? ", sets " : ", removes ") + escaped(change.name);
  }
  return text + ")";
}

std::string Command::run() const {
  return text_of(*settings_, output());
}

Output Command::output() const {
  return run_to_end(*settings_, nullptr);
}

Output Command::checked() const {
  Output result = output();
  require_success(*settings_, result);
  return result;
}

int Command::exit_code() const {
  return exit_code_of(*settings_, output());
}

bool Command::probe() const {
  return answer_of(*settings_, output());
}

Process Command::start() const {
  return Process::begin(*settings_, nullptr);
}

}  // namespace treehold::inline v0
