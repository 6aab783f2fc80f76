#include <algorithm>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include <treehold/error.hpp>
#include <treehold/process.hpp>

#include "src/execution.hpp"
#include "src/private_context.hpp"

namespace treehold::inline v0 {

struct Process::Live {
  boost::asio::io_context context{1};
  std::shared_ptr<Execution> execution;
};

namespace {

Capture& require_capture(Execution& execution, Stream stream) {
  Capture* const capture = execution.capture(stream);
  if (capture == nullptr) {
    throw InvalidSetting(stream == Stream::out ? "stdout" : "stderr", "is not captured");
  }
  return *capture;
}

}  // namespace

Process Process::begin(const Settings& settings, std::shared_ptr<GroupCore> group,
                       bool is_private) {
  auto live = std::make_unique<Live>();
  live->execution =
      Execution::start(live->context.get_executor(), RunPlan(settings), std::move(group),
                       is_private ? Ownership::private_tree : Ownership::shared_group);
  Execution& execution = *live->execution;
  drive(live->context, [&] { return execution.start_known() || execution.finished(); });
  if (execution.start_failed()) {
    drive(live->context, [&] { return execution.finished(); });
    execution.rethrow_error();
  }
  return Process(std::move(live));
}

Process::Process(std::unique_ptr<Live> live) noexcept : live_(std::move(live)) {}
Process::Process(Process&& other) noexcept = default;

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    const Process ends_here(std::move(*this));
    live_ = std::move(other.live_);
  }
  return *this;
}

Process::~Process() {
  if (!live_ || live_->execution->finished() || !live_->execution->group().is_owner()) {
    return;
  }
  try {
    live_->execution->end_tree(std::nullopt);
    drive(live_->context, [this] { return live_->execution->finished(); });
  } catch (...) {  // no memory or descriptors for the wait: the execution kills as it goes
  }
}

Process::Live& Process::live() const {
  if (!live_) {
    throw InvalidSetting("process", "was moved from");
  }
  live_->execution->group().require_owner("the process");
  return *live_;
}

ProcessId Process::pid() const noexcept {
  return live_ ? live_->execution->pid() : 0;
}

Mechanism Process::mechanism() const noexcept {
  return live_->execution->group().container().mechanism();
}

std::optional<Outcome> Process::outcome() const {
  return live().execution->outcome();
}

Outcome Process::wait() {
  Live& live = this->live();
  live.execution->close_input();
  drive(live.context, [&] { return live.execution->finished(); });
  live.execution->rethrow_error();
  return live.execution->outcome().value_or(Outcome::unknown());
}

std::optional<Outcome> Process::wait_for(std::chrono::nanoseconds duration) {
  Live& live = this->live();
  const Clock::time_point end =
      Clock::now() + std::min<Duration>(duration, std::chrono::hours(24 * 365));
  while (!live.execution->finished() && live.context.run_one_until(end) > 0) {
  }
  if (!live.execution->finished()) {
    return std::nullopt;
  }
  live.execution->rethrow_error();
  return live.execution->outcome().value_or(Outcome::unknown());
}

Output Process::output() {
  wait();
  return live().execution->take_output();
}

void Process::kill() {
  live().execution->kill();
}

std::size_t Process::signal(Signal signal) {
  const std::optional<int> number = platform::native_number(signal);
  if (!number) {
    throw InvalidSetting("signal", "is no signal of this system");
  }
  return run_to_completion<std::size_t>([this, number](const auto& executor, auto handler) {
    async_signal(executor, live().execution->leaf(), *number, AfterSignal::thaw,
                 std::move(handler));
  });
}

StopReport Process::stop(std::chrono::nanoseconds grace) {
  if (grace < std::chrono::nanoseconds::zero()) {
    throw InvalidSetting("grace", "is negative");
  }
  Live& live = this->live();
  live.execution->end_tree(grace);
  drive(live.context, [&] { return live.execution->finished(); });
  StopReport report = live.execution->stop_report().value_or(StopReport());
  if (!report.confirmed) {
    throw TeardownUnconfirmed(std::move(report));
  }
  return report;
}

std::vector<ProcessId> Process::members() const {
  return live().execution->leaf()->members();
}

void Process::write(std::string_view bytes) {
  Live& live = this->live();
  std::optional<boost::system::error_code> result;
  live.execution->async_write(
      bytes, [&result](const boost::system::error_code& error) { result = error; });
  drive(live.context, [&] { return result || live.execution->finished(); });
  if (!result) {
    // The run is over and has closed the pipe; let the pending write see that before `result` goes.
    drive(live.context, [&] { return result.has_value(); });
    result = make_error_code(boost::system::errc::broken_pipe);
  }
  if (*result) {
    throw StdinFailed(*result, "writing to standard input: " + result->message());
  }
}

void Process::close_stdin() {
  live().execution->close_input();
}

std::string Process::read_some(Stream stream, std::size_t limit) {
  Live& live = this->live();
  Capture& capture = require_capture(*live.execution, stream);
  drive(live.context,
        [&] { return capture.has_bytes() || capture.finished() || live.execution->finished(); });
  if (!capture.has_bytes() && live.execution->finished()) {
    live.execution->rethrow_error();
  }
  return capture.take_some(limit);
}

std::string Process::take_read(Stream stream) {
  return require_capture(*live().execution, stream).take_all();
}

std::optional<std::string> Process::read_line(Stream stream) {
  Live& live = this->live();
  Capture& capture = require_capture(*live.execution, stream);
  std::optional<std::string> line;
  drive(live.context, [&] {
    line = capture.take_line();
    return line || capture.finished() || live.execution->finished();
  });
  if (!line && live.execution->finished()) {
    live.execution->rethrow_error();
  }
  return line;
}

std::string Process::read_all(Stream stream) {
  Live& live = this->live();
  Capture& capture = require_capture(*live.execution, stream);
  drive(live.context, [&] { return capture.finished() || live.execution->finished(); });
  if (live.execution->finished()) {
    live.execution->rethrow_error();
  }
  return capture.take_all();
}

}  // namespace treehold::inline v0
