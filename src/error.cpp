#include <utility>

#include <boost/asio/error.hpp>

#include <treehold/error.hpp>

#include "src/text.hpp"

namespace treehold::inline v0 {
namespace {

class Category final : public boost::system::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "treehold"; }

  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<Errc>(value)) {
      case Errc::invalid_setting: return "invalid setting";
      case Errc::program_not_found: return "program not found";
      case Errc::non_zero_exit: return "exit code not accepted";
      case Errc::signalled: return "ended by a signal";
      case Errc::timed_out: return "timed out";
      case Errc::output_too_large: return "output exceeds its limit";
      case Errc::unsupported: return "not supported";
      case Errc::teardown_unconfirmed: return "members outlived the teardown";
      case Errc::group_suspended: return "group is suspended";
      case Errc::group_closed: return "group is closed";
      case Errc::not_owner: return "handle belongs to another process";
      case Errc::exit_status_lost: return "exit status was lost";
      case Errc::tee_failed: return "a copy of the output failed";
      case Errc::limit_refused: return "limit refused";
      case Errc::containment_lost: return "containment lost";
    }
    return "unknown";
  }

  [[nodiscard]] boost::system::error_condition default_error_condition(
      int value) const noexcept override {
    namespace errc = boost::system::errc;
    switch (static_cast<Errc>(value)) {
      case Errc::invalid_setting: return errc::make_error_condition(errc::invalid_argument);
      case Errc::program_not_found:
        return errc::make_error_condition(errc::no_such_file_or_directory);
      case Errc::timed_out: return errc::make_error_condition(errc::timed_out);
      case Errc::unsupported: return errc::make_error_condition(errc::not_supported);
      default: return {value, *this};
    }
  }
};

std::string survivors_text(const StopReport& report) {
  if (report.members_after.empty()) {
    return "the end of the tree is not confirmed, and its members cannot be listed";
  }
  std::string text = "members outlived the teardown:";
  for (const ProcessId pid : report.members_after) {
    text += " " + std::to_string(pid);
  }
  return text;
}

}  // namespace

const boost::system::error_category& error_category() noexcept {
  static const Category category;
  return category;
}

boost::system::error_code make_error_code(Errc reason) noexcept {
  return {static_cast<int>(reason), error_category()};
}

Error::Error(boost::system::error_code code, const std::string& message)
    : boost::system::system_error(code),
      message_(std::make_shared<const std::string>(escaped(message))) {}
Error::~Error() = default;

const char* Error::what() const noexcept {
  return message_->c_str();
}

InvalidSetting::InvalidSetting(std::string setting, const std::string& problem)
    : Error(Errc::invalid_setting, setting + " " + problem),
      setting_(std::make_shared<const std::string>(std::move(setting))) {}
InvalidSetting::~InvalidSetting() = default;

struct ProgramNotFound::Facts {
  std::string program;
  std::vector<std::string> searched;
};

namespace {

std::string not_found_text(const std::string& program, const std::vector<std::string>& searched) {
  std::string text = "program not found: " + program;
  if (searched.empty()) {
    return text + " (PATH names no place to search)";
  }
  text += " (tried";
  for (const std::string& place : searched) {
    text += " " + place;
  }
  return text + ")";
}

}  // namespace

ProgramNotFound::ProgramNotFound(std::string program, std::vector<std::string> searched)
    : Error(Errc::program_not_found, not_found_text(program, searched)),
      facts_(std::make_shared<const Facts>(Facts{std::move(program), std::move(searched)})) {}
ProgramNotFound::~ProgramNotFound() = default;

const std::string& ProgramNotFound::program() const noexcept {
  return facts_->program;
}
const std::vector<std::string>& ProgramNotFound::searched() const noexcept {
  return facts_->searched;
}

std::string_view to_string(SpawnStage stage) noexcept {
  switch (stage) {
    case SpawnStage::launch: return "launch";
    case SpawnStage::container: return "container";
    case SpawnStage::session: return "session";
    case SpawnStage::standard_input: return "standard input";
    case SpawnStage::standard_output: return "standard output";
    case SpawnStage::standard_error: return "standard error";
    case SpawnStage::resource_limits: return "resource limits";
    case SpawnStage::priority: return "priority";
    case SpawnStage::oom_score: return "oom score";
    case SpawnStage::affinity: return "affinity";
    case SpawnStage::credentials: return "credentials";
    case SpawnStage::working_directory: return "working directory";
    case SpawnStage::execute: return "execute";
  }
  return "unknown";
}

SpawnFailed::SpawnFailed(SpawnStage stage, boost::system::error_code code,
                         const std::string& subject)
    : Error(code, "start failed (" + std::string(to_string(stage)) + "): " + subject + ": " +
                      code.message()),
      stage_(stage) {}
SpawnFailed::~SpawnFailed() = default;

namespace {

std::string process_limit_text(ProcessLimitOwner owner, const std::string& place) {
  switch (owner) {
    case ProcessLimitOwner::group: return "the group has as many processes as it may: " + place;
    case ProcessLimitOwner::ancestor:
      return "a group above has as many processes as it may: " + place;
    case ProcessLimitOwner::user: return "the user has as many processes as it may: " + place;
    case ProcessLimitOwner::system: break;
  }
  return "the system has as many processes as it may: " + place;
}

}  // namespace

ProcessLimitReached::ProcessLimitReached(ProcessLimitOwner owner, const std::string& place)
    : SpawnFailed(SpawnStage::container,
                  make_error_code(boost::system::errc::resource_unavailable_try_again),
                  process_limit_text(owner, place)),
      owner_(owner) {}
ProcessLimitReached::~ProcessLimitReached() = default;

std::string_view to_string(LimitProblem problem) noexcept {
  switch (problem) {
    case LimitProblem::invalid: return "invalid";
    case LimitProblem::unsupported: return "unsupported";
    case LimitProblem::unenforceable: break;
  }
  return "unenforceable";
}

namespace {

std::string refusal_text(const LimitRefusal& refusal) {
  std::string text = "limit " + refusal.limit + " is " + std::string(to_string(refusal.problem));
  if (!refusal.path.empty()) {
    text += ": " + refusal.path;
  }
  if (!refusal.reason.empty()) {
    text += ": " + refusal.reason;
  }
  if (refusal.error) {
    text += ": " + refusal.error.message();
  }
  if (!refusal.controller.empty()) {
    text += " (controller " + refusal.controller + ")";
  }
  if (!refusal.remedy.empty()) {
    text += "; to mend: " + refusal.remedy;
  }
  return text;
}

}  // namespace

LimitRefused::LimitRefused(LimitRefusal refusal)
    : Error(refusal.error ? refusal.error : make_error_code(Errc::limit_refused),
            refusal_text(refusal)),
      refusal_(std::make_shared<const LimitRefusal>(std::move(refusal))) {}
LimitRefused::~LimitRefused() = default;

RunFailed::RunFailed(boost::system::error_code code, const std::string& message, Output output)
    : Error(code, message), output_(std::make_shared<const Output>(std::move(output))) {}
RunFailed::~RunFailed() = default;

NonZeroExit::NonZeroExit(const std::string& program, Output output)
    : RunFailed(Errc::non_zero_exit, program + ": " + output.outcome.describe(),
                std::move(output)) {}
NonZeroExit::~NonZeroExit() = default;

Signalled::Signalled(const std::string& program, Output output)
    : RunFailed(Errc::signalled, program + ": ended by " + output.outcome.describe(),
                std::move(output)) {}
Signalled::~Signalled() = default;

TimedOut::TimedOut(const std::string& program, Output output)
    : RunFailed(Errc::timed_out, program + ": " + output.outcome.describe(), std::move(output)) {}
TimedOut::~TimedOut() = default;

OutputTooLarge::OutputTooLarge(const std::string& program, Output output)
    : RunFailed(Errc::output_too_large, program + ": output exceeds its limit", std::move(output)) {
}
OutputTooLarge::~OutputTooLarge() = default;

ExitStatusLost::ExitStatusLost(const std::string& program, Output output)
    : RunFailed(Errc::exit_status_lost, program + ": exit status was taken by another party",
                std::move(output)) {}
ExitStatusLost::~ExitStatusLost() = default;

namespace {

/// Why the first copy that failed did.
std::string tee_failure(const Output& output) {
  return output.stdout_tee_error ? "copying standard output: " + output.stdout_tee_error.message()
                                 : "copying standard error: " + output.stderr_tee_error.message();
}

}  // namespace

TeeFailed::TeeFailed(const std::string& program, const Output& output)
    : RunFailed(Errc::tee_failed, program + ": " + tee_failure(output), output) {}
TeeFailed::~TeeFailed() = default;

Cancelled::Cancelled(const std::string& operation)
    : Error(boost::asio::error::operation_aborted, operation + ": cancelled") {}
Cancelled::~Cancelled() = default;

StdinFailed::StdinFailed(boost::system::error_code code, const std::string& message)
    : Error(code, message) {}
StdinFailed::~StdinFailed() = default;

Unsupported::Unsupported(std::string operation, const std::string& reason)
    : Error(Errc::unsupported, operation + " is not supported: " + reason),
      operation_(std::make_shared<const std::string>(std::move(operation))) {}
Unsupported::~Unsupported() = default;

TeardownUnconfirmed::TeardownUnconfirmed(StopReport report)
    : Error(Errc::teardown_unconfirmed, survivors_text(report)),
      report_(std::make_shared<const StopReport>(std::move(report))) {}
TeardownUnconfirmed::~TeardownUnconfirmed() = default;

ContainmentLost::ContainmentLost(StopReport report)
    : Error(Errc::containment_lost,
            "containment was lost: a member left its container, or ended what held it"),
      report_(std::make_shared<const StopReport>(std::move(report))) {}
ContainmentLost::~ContainmentLost() = default;

GroupSuspended::GroupSuspended()
    : Error(Errc::group_suspended, "the group is suspended: resume it first") {}
GroupSuspended::~GroupSuspended() = default;

GroupClosed::GroupClosed() : Error(Errc::group_closed, "the group has been stopped") {}
GroupClosed::~GroupClosed() = default;

NotOwner::NotOwner(const std::string& handle)
    : Error(Errc::not_owner, handle + " was made by another process, of which this one is a fork") {
}
NotOwner::~NotOwner() = default;

}  // namespace treehold::inline v0
