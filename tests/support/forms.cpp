#include "forms.hpp"

#include <cstdlib>
#include <type_traits>

#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <treehold/async.hpp>

#include "event_host.hpp"

namespace forms {

bool asynchronous() {
  static const bool wanted = [] {
    const char* form = std::getenv("TREEHOLD_TEST_FORM");  // NOLINT: nobody sets it meanwhile
    return form != nullptr && std::string_view(form) == "async";
  }();
  return wanted;
}

namespace {

/// What `operation(context, token)` completes with, on a host of its own.
template <class Operation>
auto on_a_host(Operation operation) {
  Host host;
  return operation(host.context(), asio::use_future).get();
}

/// What `ask` says on the executor of `process`, whose host has threads of its own.
template <class Ask>
auto on_executor(const treehold::Process& process, Ask ask) {
  return asio::post(process.get_executor(), asio::use_future(ask)).get();
}

/// What `start(context, token)` starts, with the host it lives on.
template <class Start>
Process started(Start start) {
  auto host = std::make_unique<Host>();
  treehold::Process process = start(host->context(), asio::use_future).get();
  return Process(std::move(process), std::move(host));
}

}  // namespace

// -- Process -------------------------------------------------------------------------------------

Process::Process(treehold::Process process, std::unique_ptr<Host> host) noexcept
    : host_(std::move(host)), process_(std::move(process)) {}

Process::Process(Process&&) noexcept = default;

Process& Process::operator=(Process&& other) noexcept {
  process_ = std::move(other.process_);
  host_ = std::move(other.host_);
  waited_on_ = std::move(other.waited_on_);
  return *this;
}

Process::~Process() = default;

std::optional<treehold::Outcome> Process::outcome() const {
  return host_ ? on_executor(process_, [this] { return process_.outcome(); }) : process_.outcome();
}

treehold::Outcome Process::wait() {
  if (!host_) {
    return process_.wait();
  }
  process_.input().close();
  return process_.async_wait(asio::use_future).get();
}

std::optional<treehold::Outcome> Process::wait_for(std::chrono::nanoseconds duration) {
  return host_ ? host_->wait_for<treehold::Outcome>(
                     duration, [this](auto token) { return process_.async_wait(token); })
               : process_.wait_for(duration);
}

treehold::Output Process::output() {
  return host_ ? process_.async_output(asio::use_future).get() : process_.output();
}

treehold::StopReport Process::stop(std::chrono::nanoseconds grace) {
  return host_ ? process_.async_stop(grace, asio::use_future).get() : process_.stop(grace);
}

void Process::Input::write(std::string_view bytes) {
  if (host_) {
    writer_.async_write(std::string(bytes), asio::use_future).get();
  } else {
    writer_.write(bytes);
  }
}

void Process::Input::write_line(std::string_view line) {
  if (host_) {
    writer_.async_write_line(std::string(line), asio::use_future).get();
  } else {
    writer_.write_line(line);
  }
}

void Process::Input::flush() {
  if (host_) {
    writer_.async_flush(asio::use_future).get();
  } else {
    writer_.flush();
  }
}

std::string Process::read_some(treehold::Stream stream, std::size_t limit) {
  return host_ ? process_.async_read_some(stream, limit, asio::use_future).get()
               : process_.read_some(stream, limit);
}

std::string Process::take_read(treehold::Stream stream) {
  return host_ ? on_executor(process_, [this, stream] { return process_.take_read(stream); })
               : process_.take_read(stream);
}

std::optional<std::string> Process::read_line(treehold::Stream stream) {
  return host_ ? process_.async_read_line(stream, asio::use_future).get()
               : process_.read_line(stream);
}

treehold::LineBatch Process::read_lines(treehold::Stream stream) {
  return host_ ? process_.async_read_lines(stream, asio::use_future).get()
               : process_.read_lines(stream);
}

treehold::PullRange<std::string> Process::lines(treehold::Stream stream) {
  return host_ ? treehold::PullRange<std::string>([this, stream] { return read_line(stream); })
               : process_.lines(stream);
}

std::optional<treehold::Event> Process::next_event() {
  return host_ ? process_.async_next_event(asio::use_future).get() : process_.next_event();
}

treehold::PullRange<treehold::Event> Process::events() {
  return host_ ? treehold::PullRange<treehold::Event>([this] { return next_event(); })
               : process_.events();
}

std::string Process::read_all(treehold::Stream stream) {
  return host_ ? process_.async_read_all(stream, asio::use_future).get()
               : process_.read_all(stream);
}

// -- Command -------------------------------------------------------------------------------------

std::string Command::run() const {
  return asynchronous()
             ? on_a_host([&](auto& context, auto token) { return async_run(context, token); })
             : treehold::Command::run();
}

treehold::Output Command::output() const {
  return asynchronous()
             ? on_a_host([&](auto& context, auto token) { return async_output(context, token); })
             : treehold::Command::output();
}

treehold::Output Command::checked() const {
  return asynchronous()
             ? on_a_host([&](auto& context, auto token) { return async_checked(context, token); })
             : treehold::Command::checked();
}

int Command::exit_code() const {
  return asynchronous()
             ? on_a_host([&](auto& context, auto token) { return async_exit_code(context, token); })
             : treehold::Command::exit_code();
}

bool Command::probe() const {
  return asynchronous()
             ? on_a_host([&](auto& context, auto token) { return async_probe(context, token); })
             : treehold::Command::probe();
}

Process Command::start() const {
  return asynchronous()
             ? started([&](auto& context, auto token) { return async_start(context, token); })
             : Process(treehold::Command::start());
}

// -- ProcessGroup --------------------------------------------------------------------------------

Process ProcessGroup::start(const treehold::Command& command) {
  return asynchronous() ? started([&](auto& context, auto token) {
    return async_start(command, context, token);
  })
                        : Process(treehold::ProcessGroup::start(command));
}

std::string ProcessGroup::run(const treehold::Command& command) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return async_run(command, context, token);
  })
                        : treehold::ProcessGroup::run(command);
}

treehold::Output ProcessGroup::output(const treehold::Command& command) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return async_output(command, context, token);
  })
                        : treehold::ProcessGroup::output(command);
}

treehold::Output ProcessGroup::checked(const treehold::Command& command) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return async_checked(command, context, token);
  })
                        : treehold::ProcessGroup::checked(command);
}

int ProcessGroup::exit_code(const treehold::Command& command) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return async_exit_code(command, context, token);
  })
                        : treehold::ProcessGroup::exit_code(command);
}

bool ProcessGroup::probe(const treehold::Command& command) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return async_probe(command, context, token);
  })
                        : treehold::ProcessGroup::probe(command);
}

treehold::StopReport ProcessGroup::kill() {
  return asynchronous()
             ? on_a_host([&](auto& context, auto token) { return async_kill(context, token); })
             : treehold::ProcessGroup::kill();
}

treehold::StopReport ProcessGroup::stop(std::chrono::nanoseconds grace) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return async_stop(grace, context, token);
  })
                        : treehold::ProcessGroup::stop(grace);
}

std::vector<treehold::Statistics> ProcessGroup::samples(std::chrono::nanoseconds interval) {
  std::vector<treehold::Statistics> all;
  if (asynchronous()) {
    Host host;
    while (auto sample = async_sample_stats(interval, host.context(), asio::use_future).get()) {
      all.push_back(*sample);
    }
  } else {
    for (const treehold::Statistics& sample : sample_stats(interval)) {
      all.push_back(sample);
    }
  }
  return all;
}

// -- Many at once --------------------------------------------------------------------------------

std::vector<treehold::OutputResult> output_all(const Commands& commands, std::size_t concurrency) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return treehold::async_output_all(commands, concurrency, context, token);
  })
                        : treehold::output_all(commands, concurrency);
}

std::vector<treehold::OutputResult> output_all(treehold::ProcessGroup& group,
                                               const Commands& commands, std::size_t concurrency) {
  return asynchronous() ? on_a_host([&](auto& context, auto token) {
    return treehold::async_output_all(group, commands, concurrency, context, token);
  })
                        : treehold::output_all(group, commands, concurrency);
}

AsCompleted::AsCompleted(treehold::AsCompleted all, std::unique_ptr<Host> host) noexcept
    : host_(std::move(host)), all_(std::move(all)) {}
AsCompleted::AsCompleted(AsCompleted&&) noexcept = default;
AsCompleted::~AsCompleted() = default;

std::optional<treehold::Completed> AsCompleted::next() {
  return host_ ? all_.async_next(asio::use_future).get() : all_.next();
}

AsCompleted as_completed(const Commands& commands, std::size_t concurrency) {
  if (!asynchronous()) {
    return AsCompleted(treehold::as_completed(commands, concurrency));
  }
  auto host = std::make_unique<Host>();
  treehold::AsCompleted all = treehold::as_completed(commands, concurrency, host->context());
  return AsCompleted(std::move(all), std::move(host));
}

AsCompleted as_completed(treehold::ProcessGroup& group, const Commands& commands,
                         std::size_t concurrency) {
  if (!asynchronous()) {
    return AsCompleted(treehold::as_completed(group, commands, concurrency));
  }
  auto host = std::make_unique<Host>();
  treehold::AsCompleted all = treehold::as_completed(group, commands, concurrency, host->context());
  return AsCompleted(std::move(all), std::move(host));
}

namespace {

std::vector<treehold::Process*> plain(const std::vector<Process*>& processes) {
  std::vector<treehold::Process*> plain;
  for (Process* process : processes) {
    plain.push_back(process == nullptr ? nullptr : process->plain());
  }
  return plain;
}

/// What `wait(processes, context, token)` completes with, on a context of its own. The processes
/// keep it, whose threads may still have it in hand.
template <class Wait>
auto waited_for(const std::vector<Process*>& processes, Wait wait) {
  const auto host = std::make_shared<Host>();
  for (Process* process : processes) {
    process->waited_on(host);
  }
  return wait(plain(processes), host->context(), asio::use_future).get();
}

}  // namespace

std::size_t wait_any(const std::vector<Process*>& processes) {
  if (!asynchronous()) {
    return treehold::wait_any(plain(processes));
  }
  return waited_for(processes, [](auto all, auto& context, auto token) {
    return treehold::async_wait_any(std::move(all), context, token);
  });
}

std::vector<treehold::Outcome> wait_all(const std::vector<Process*>& processes) {
  if (!asynchronous()) {
    return treehold::wait_all(plain(processes));
  }
  for (Process* process : processes) {
    process->input().close();
  }
  return waited_for(processes, [](auto all, auto& context, auto token) {
    return treehold::async_wait_all(std::move(all), context, token);
  });
}

}  // namespace forms
