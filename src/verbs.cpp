#include "src/verbs.hpp"

#include <utility>

#include <treehold/error.hpp>

#include "src/private_context.hpp"

namespace treehold::inline v0 {

int require_number(Signal signal) {
  const std::optional<int> number = platform::native_number(signal);
  if (!number) {
    throw InvalidSetting("signal", "is no signal of this system");
  }
  return *number;
}

void require_unattended(const Settings& settings) {
  if (settings.input.kind == InputKind::pipe) {
    throw InvalidSetting("stdin_pipe", "needs start(): nobody could write to it here");
  }
}

Output run_to_end(const Settings& settings, const std::shared_ptr<GroupCore>& group) {
  require_unattended(settings);
  const auto context = make_private_context();
  const std::shared_ptr<Execution> execution =
      Execution::start(context->get_executor(), settings, group);
  const auto reader = std::make_shared<Waiter>();
  reader->condition = [&execution] { return execution->finished(); };
  reader->told = [](bool) {};
  execution->when(reader);
  drive(*context, [&execution] { return execution->finished(); });
  return execution->take_result();
}

namespace {

/// A copy of a stream that is not whole fails a verb that has no other way to tell.
void require_tees(const Settings& settings, const Output& output) {
  if (output.stdout_tee_error || output.stderr_tee_error) {
    throw TeeFailed(settings.program, output);
  }
}

/// Throws unless the leader returned an exit code of its own.
int require_exit_code(const Settings& settings, const Output& output) {
  switch (output.outcome.kind()) {
    case Outcome::Kind::exited: break;
    case Outcome::Kind::signalled: throw Signalled(settings.program, output);
    case Outcome::Kind::timed_out:
    case Outcome::Kind::idle_timed_out: throw TimedOut(settings.program, output);
    case Outcome::Kind::unknown: throw ExitStatusLost(settings.program, output);
  }
  return output.outcome.code().value();
}

}  // namespace

void require_success(const Settings& settings, const Output& output) {
  if (settings.accepted.count(require_exit_code(settings, output)) == 0) {
    throw NonZeroExit(settings.program, output);
  }
}

std::string text_of(const Settings& settings, Output output) {
  require_success(settings, output);
  require_tees(settings, output);
  std::string text = std::move(output.stdout_bytes);
  text.erase(text.find_last_not_of('\n') + 1);
  return text;
}

int exit_code_of(const Settings& settings, const Output& output) {
  const int code = require_exit_code(settings, output);
  require_tees(settings, output);
  return code;
}

bool answer_of(const Settings& settings, const Output& output) {
  switch (exit_code_of(settings, output)) {
    case 0: return true;
    case 1: return false;
    default: throw NonZeroExit(settings.program, output);
  }
}

}  // namespace treehold::inline v0
