#include <algorithm>
#include <utility>

#include <treehold/error.hpp>
#include <treehold/process.hpp>

#include "src/private_context.hpp"
#include "src/process_core.hpp"
#include "src/verbs.hpp"

namespace treehold::inline v0 {

Process Process::begin(const Settings& settings, const std::shared_ptr<GroupCore>& group) {
  auto context = make_private_context();
  const platform::Executor executor = context->get_executor();
  auto execution = Execution::start(executor, settings, group);
  auto core = std::make_shared<ProcessCore>(std::move(execution), std::move(context), executor);
  (void)core->complete<Nothing>([&core](auto handler) { core->async_started(std::move(handler)); });
  return Process(std::move(core));
}

Process::Process() noexcept = default;
Process::Process(std::shared_ptr<ProcessCore> core) noexcept : core_(std::move(core)) {}
Process::Process(Process&& other) noexcept = default;

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    const Process ends_here(std::move(*this));
    core_ = std::move(other.core_);
  }
  return *this;
}

Process::~Process() {
  if (!core_ || !core_->execution().group().is_owner()) {
    return;
  }
  if (core_->own_context() == nullptr) {
    core_->execution().kill();  // what is pending on the host's executor does the rest
    return;
  }
  if (core_->execution().finished()) {
    return;
  }
  try {
    core_->execution().end_tree(std::nullopt);
    drive(*core_->own_context(), [this] { return core_->execution().finished(); });
  } catch (...) {  // no memory or descriptors for the wait: the execution tries again as it goes
  }
}

ProcessCore& Process::core() const {
  if (!core_) {
    throw InvalidSetting("process", "was moved from");
  }
  core_->execution().group().require_owner("the process");
  return *core_;
}

const std::shared_ptr<ProcessCore>& Process::shared_core() const {
  (void)core();
  return core_;
}

ProcessId Process::pid() const noexcept {
  return core_ ? core_->execution().pid() : 0;
}

Mechanism Process::mechanism() const noexcept {
  return core_->execution().group().container().mechanism();
}

std::optional<Outcome> Process::outcome() const {
  return core().execution().outcome();
}

Outcome Process::wait() {
  return core().complete<Outcome>([this](auto handler) { core_->async_wait(std::move(handler)); });
}

std::optional<Outcome> Process::wait_for(std::chrono::nanoseconds duration) {
  boost::asio::io_context& context = core().require_own_context();
  const Clock::time_point end =
      Clock::now() + std::min<Duration>(duration, std::chrono::hours(24 * 365));
  std::optional<Outcome> outcome;
  std::exception_ptr error;
  const GiveUp give_up =
      core_->async_finished([&](std::exception_ptr failure, const Outcome& seen) {
        error = std::move(failure);
        outcome = seen;
      });
  while (!outcome && context.run_one_until(end) > 0) {
  }
  give_up();
  // Asked before the wait is driven to its end: what ends meanwhile has not been waited for any
  // more.
  const bool finished = core_->execution().finished();
  drive(context, [&outcome] { return outcome.has_value(); });
  if (!finished) {
    return std::nullopt;
  }
  if (error) {
    std::rethrow_exception(error);
  }
  return outcome;
}

Output Process::output() {
  return core().complete<Output>([this](auto handler) { core_->async_output(std::move(handler)); });
}

void Process::kill() {
  core().execution().kill();
}

std::size_t Process::signal(Signal signal) {
  const int number = require_number(signal);
  return run_to_completion<std::size_t>([this, number](const auto& executor, auto handler) {
    async_signal(executor, core().execution().leaf(), number, AfterSignal::thaw,
                 [handler = std::move(handler)](const platform::Delivery& sent) mutable {
                   std::move(handler)(sent.members);
                 });
  });
}

StopReport Process::stop(std::chrono::nanoseconds grace) {
  return core().complete<StopReport>(
      [this, grace](auto handler) { core_->async_stop(grace, std::move(handler)); });
}

std::vector<ProcessId> Process::members() const {
  return core().execution().leaf()->members();
}

StdinWriter Process::input() const {
  return StdinWriter(shared_core());
}

std::string Process::read_some(Stream stream, std::size_t limit) {
  return core().complete<std::string>([this, stream, limit](auto handler) {
    core_->async_read_some(stream, limit, std::move(handler));
  });
}

std::string Process::take_read(Stream stream) {
  return core().captured(stream).take_all();
}

namespace {

std::optional<std::string> read_line_of(ProcessCore& core, Stream stream) {
  (void)core.require_own_context();
  if (std::optional<std::string> line = core.captured(stream).take_line()) {
    return line;  // without an operation: there may be millions
  }
  return core.complete<std::optional<std::string>>(
      [&](auto handler) { core.async_read_line(stream, std::move(handler)); });
}

std::optional<Event> next_event_of(ProcessCore& core) {
  (void)core.require_own_context();
  if (core.has_event()) {
    return core.take_event();
  }
  return core.complete<std::optional<Event>>(
      [&](auto handler) { core.async_next_event(std::move(handler)); });
}

}  // namespace

std::optional<std::string> Process::read_line(Stream stream) {
  return read_line_of(core(), stream);
}

LineBatch Process::read_lines(Stream stream) {
  return core().complete<LineBatch>(
      [this, stream](auto handler) { core_->async_read_lines(stream, std::move(handler)); });
}

PullRange<std::string> Process::lines(Stream stream) {
  return PullRange<std::string>(
      [core = shared_core(), stream] { return read_line_of(*core, stream); });
}

std::optional<Event> Process::next_event() {
  return next_event_of(core());
}

PullRange<Event> Process::events() {
  return PullRange<Event>([core = shared_core()] { return next_event_of(*core); });
}

std::string Process::read_all(Stream stream) {
  return core().complete<std::string>(
      [this, stream](auto handler) { core_->async_read_all(stream, std::move(handler)); });
}

}  // namespace treehold::inline v0
