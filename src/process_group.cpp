#include <utility>

#include <treehold/command.hpp>
#include <treehold/error.hpp>
#include <treehold/process_group.hpp>

#include "src/group_core.hpp"
#include "src/private_context.hpp"
#include "src/verbs.hpp"

namespace treehold::inline v0 {

ProcessGroup::ProcessGroup(const GroupOptions& options)
    : core_(std::make_shared<GroupCore>(options)) {}
ProcessGroup::ProcessGroup(ProcessGroup&& other) noexcept = default;

ProcessGroup& ProcessGroup::operator=(ProcessGroup&& other) noexcept {
  if (this != &other) {
    const ProcessGroup ends_here(std::move(*this));
    core_ = std::move(other.core_);
  }
  return *this;
}

ProcessGroup::~ProcessGroup() {
  if (!core_ || !core_->is_owner()) {
    return;
  }
  try {
    // Process objects may outlive the group and then share its core: what they hold ends now all
    // the same.
    (void)run_to_completion<StopReport>([this](const auto& executor, auto handler) {
      core_->async_end(executor, std::move(handler));
    });
  } catch (...) {  // no memory or descriptors for the wait: the core tries again as it goes
  }
}

GroupCore& ProcessGroup::core() const {
  if (!core_) {
    throw InvalidSetting("group", "was moved from");
  }
  core_->require_owner("the group");
  return *core_;
}

const std::shared_ptr<GroupCore>& ProcessGroup::shared_core() const {
  (void)core();
  return core_;
}

Mechanism ProcessGroup::mechanism() const noexcept {
  return core_->container().mechanism();
}

Guarantees ProcessGroup::guarantees() const {
  return core().container().guarantees();
}

Process ProcessGroup::start(const Command& command) {
  return Process::begin(command.settings(), shared_core());
}

Output ProcessGroup::output(const Command& command) {
  return run_to_end(command.settings(), shared_core());
}

std::string ProcessGroup::run(const Command& command) {
  return text_of(command.settings(), output(command));
}

Output ProcessGroup::checked(const Command& command) {
  Output result = output(command);
  require_success(command.settings(), result);
  return result;
}

int ProcessGroup::exit_code(const Command& command) {
  return exit_code_of(command.settings(), output(command));
}

bool ProcessGroup::probe(const Command& command) {
  return answer_of(command.settings(), output(command));
}

std::vector<ProcessId> ProcessGroup::members() const {
  return core().container().members();
}

Limits ProcessGroup::limits() const {
  return core().limits();
}

void ProcessGroup::update_limits(const Limits& limits) {
  core().update_limits(limits);
}

Statistics ProcessGroup::stats() const {
  return core().container().statistics();
}

LimitEvidence ProcessGroup::limit_evidence() const {
  return core().evidence();
}

PullRange<Statistics> ProcessGroup::sample_stats(std::chrono::nanoseconds interval) {
  require_interval(interval);
  return PullRange<Statistics>([group = shared_core(), interval] {
    return run_to_completion<std::optional<Statistics>>(
        [&group, interval](const auto& executor, auto handler) {
          group->async_sample(executor, interval, std::move(handler));
        });
  });
}

std::size_t ProcessGroup::signal(Signal signal) {
  const int number = require_number(signal);
  return run_to_completion<std::size_t>([this, number](const auto& executor, auto handler) {
    core().async_signal(executor, number, std::move(handler));
  });
}

void ProcessGroup::suspend() {
  const bool frozen = run_to_completion<bool>([this](const auto& executor, auto handler) {
    core().async_suspend(executor, std::move(handler));
  });
  if (!frozen) {
    StopReport report;
    report.members_after = members();
    report.confirmed = false;
    throw TeardownUnconfirmed(std::move(report));
  }
}

void ProcessGroup::resume() {
  core().resume();
}

StopReport ProcessGroup::kill() {
  return require_confirmed(
      run_to_completion<StopReport>([this](const auto& executor, auto handler) {
        core().async_kill(executor, std::move(handler));
      }));
}

StopReport ProcessGroup::stop(std::chrono::nanoseconds grace) {
  return require_confirmed(
      run_to_completion<StopReport>([this, grace](const auto& executor, auto handler) {
        core().async_stop(executor, grace, std::move(handler));
      }));
}

bool ProcessGroup::wait_empty(std::optional<std::chrono::nanoseconds> bound) {
  return run_to_completion<bool>([this, bound](const auto& executor, auto handler) {
    core().async_wait_empty(executor, bound, std::move(handler));
  });
}

}  // namespace treehold::inline v0
