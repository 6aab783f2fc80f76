// The two forms of treehold behind one interface, so that the contract runs in both: in the
// synchronous form, or, with TREEHOLD_TEST_FORM=async, by the asynchronous operations on a context
// that two threads run. The classes stand in for those of the same names.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <treehold/async.hpp>
#include <treehold/treehold.hpp>

#include "support.hpp"

namespace forms {

namespace asio = boost::asio;

[[nodiscard]] inline bool asynchronous() {
  static const bool wanted = [] {
    const char* form = std::getenv("TREEHOLD_TEST_FORM");  // NOLINT: nobody sets it meanwhile
    return form != nullptr && std::string_view(form) == "async";
  }();
  return wanted;
}

/// A host that lives by its event loop. Goes when nothing is pending any more.
class Host {
 public:
  Host() {
    for (std::thread& thread : threads_) {
      thread = std::thread([this] { context_.run(); });
    }
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() { finish(); }

  /// Lets its threads go when nothing is pending any more.
  void finish() {
    work_.reset();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) {
        thread.join();
      }
    }
  }

  [[nodiscard]] asio::io_context& context() noexcept { return context_; }

  /// What `wait(token)` completes with; cancels it after `bound`, and then has nothing to tell.
  template <class Result, class Wait>
  std::optional<Result> wait_for(std::chrono::nanoseconds bound, Wait wait) {
    asio::cancellation_signal signal;
    std::future<Result> future =
        wait(asio::bind_cancellation_slot(signal.slot(), asio::use_future));
    // Never less than what an operation takes that is complete already.
    constexpr std::chrono::milliseconds least(50);
    if (future.wait_for(std::clamp<std::chrono::nanoseconds>(
            bound, least, std::chrono::hours(1))) == std::future_status::timeout) {
      asio::post(context_, [&signal] { signal.emit(asio::cancellation_type::total); });
      try {
        return future.get();
      } catch (const treehold::Cancelled&) {
        return std::nullopt;
      }
    }
    return future.get();
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  std::thread threads_[2];
};

class Process {
 public:
  explicit Process(treehold::Process process, std::unique_ptr<Host> host = nullptr) noexcept
      : host_(std::move(host)), process_(std::move(process)) {}
  Process(Process&&) noexcept = default;
  Process& operator=(Process&& other) noexcept {
    process_ = std::move(other.process_);
    host_ = std::move(other.host_);
    waited_on_ = std::move(other.waited_on_);
    return *this;
  }
  ~Process() = default;  // the process first, which kills; then the host, which waits for the rest

  [[nodiscard]] treehold::ProcessId pid() const noexcept { return process_.pid(); }
  [[nodiscard]] treehold::Mechanism mechanism() const noexcept { return process_.mechanism(); }
  [[nodiscard]] std::optional<treehold::Outcome> outcome() const {
    return on_executor([this] { return process_.outcome(); });
  }
  treehold::Outcome wait() {
    if (!host_) {
      return process_.wait();
    }
    process_.input().close();
    return process_.async_wait(asio::use_future).get();
  }
  std::optional<treehold::Outcome> wait_for(std::chrono::nanoseconds duration) {
    return host_ ? host_->wait_for<treehold::Outcome>(
                       duration, [this](auto token) { return process_.async_wait(token); })
                 : process_.wait_for(duration);
  }
  treehold::Output output() {
    return host_ ? process_.async_output(asio::use_future).get() : process_.output();
  }
  void kill() { process_.kill(); }
  std::size_t signal(treehold::Signal signal) { return process_.signal(signal); }
  treehold::StopReport stop(std::chrono::nanoseconds grace) {
    return host_ ? process_.async_stop(grace, asio::use_future).get() : process_.stop(grace);
  }
  [[nodiscard]] std::vector<treehold::ProcessId> members() const { return process_.members(); }
  /// Stands in for the writer.
  class Input {
   public:
    Input(treehold::StdinWriter writer, bool host) : writer_(std::move(writer)), host_(host) {}
    void write(std::string_view bytes) {
      if (host_) {
        writer_.async_write(std::string(bytes), asio::use_future).get();
      } else {
        writer_.write(bytes);
      }
    }
    void write_line(std::string_view line) {
      if (host_) {
        writer_.async_write_line(std::string(line), asio::use_future).get();
      } else {
        writer_.write_line(line);
      }
    }
    void flush() {
      if (host_) {
        writer_.async_flush(asio::use_future).get();
      } else {
        writer_.flush();
      }
    }
    void close() { writer_.close(); }

   private:
    treehold::StdinWriter writer_;
    bool host_;
  };
  [[nodiscard]] Input input() const { return {process_.input(), host_ != nullptr}; }
  std::string read_some(treehold::Stream stream, std::size_t limit = std::size_t{64} * 1024) {
    return host_ ? process_.async_read_some(stream, limit, asio::use_future).get()
                 : process_.read_some(stream, limit);
  }
  std::string take_read(treehold::Stream stream) {
    return on_executor([this, stream] { return process_.take_read(stream); });
  }
  std::optional<std::string> read_line(treehold::Stream stream) {
    return host_ ? process_.async_read_line(stream, asio::use_future).get()
                 : process_.read_line(stream);
  }
  treehold::LineBatch read_lines(treehold::Stream stream) {
    return host_ ? process_.async_read_lines(stream, asio::use_future).get()
                 : process_.read_lines(stream);
  }
  treehold::PullRange<std::string> lines(treehold::Stream stream) {
    return host_ ? treehold::PullRange<std::string>([this, stream] { return read_line(stream); })
                 : process_.lines(stream);
  }
  std::optional<treehold::Event> next_event() {
    return host_ ? process_.async_next_event(asio::use_future).get() : process_.next_event();
  }
  treehold::PullRange<treehold::Event> events() {
    return host_ ? treehold::PullRange<treehold::Event>([this] { return next_event(); })
                 : process_.events();
  }
  std::string read_all(treehold::Stream stream) {
    return host_ ? process_.async_read_all(stream, asio::use_future).get()
                 : process_.read_all(stream);
  }

  [[nodiscard]] treehold::Process* plain() noexcept { return &process_; }
  /// `host` is to outlive the own one, whose threads may still have it in hand.
  void waited_on(std::shared_ptr<Host> host) { waited_on_.push_back(std::move(host)); }

 private:
  template <class Ask>
  std::invoke_result_t<Ask> on_executor(Ask ask) const {
    return host_ ? asio::post(process_.get_executor(), asio::use_future(ask)).get() : ask();
  }

  std::vector<std::shared_ptr<Host>> waited_on_;
  std::unique_ptr<Host> host_;
  treehold::Process process_;
};

// A builder's member, with the return type of the class that stands in.
// NOLINTBEGIN(bugprone-macro-parentheses): the parameters bring their own
#define TREEHOLD_TEST_SETTING(name, parameters, ...) \
  Command& name parameters {                         \
    treehold::Command::name(__VA_ARGS__);            \
    return *this;                                    \
  }                                                  \
  static_assert(true)  // takes the semicolon
// NOLINTEND(bugprone-macro-parentheses)

class Command : public treehold::Command {
 public:
  using treehold::Command::Command;
  Command(treehold::Command command)  // NOLINT: implicit, it is the same
      : treehold::Command(std::move(command)) {}

  using Argument = treehold::Argument;
  using Path = std::filesystem::path;
  using Duration = std::chrono::nanoseconds;
  TREEHOLD_TEST_SETTING(line_ending, (treehold::LineEnding ending), ending);
  TREEHOLD_TEST_SETTING(limits, (treehold::Limits limits), std::move(limits));
  TREEHOLD_TEST_SETTING(accounting, ());
  TREEHOLD_TEST_SETTING(oom_score_adj, (int value), value);
  TREEHOLD_TEST_SETTING(stdout_tee, (Path file), std::move(file));
  TREEHOLD_TEST_SETTING(stdout_tee, (treehold::TeeSink sink), std::move(sink));
  TREEHOLD_TEST_SETTING(stderr_tee, (Path file), std::move(file));
  TREEHOLD_TEST_SETTING(stderr_tee, (treehold::TeeSink sink), std::move(sink));
  TREEHOLD_TEST_SETTING(arg, (const Argument& argument), argument);
  TREEHOLD_TEST_SETTING(args, (std::initializer_list<Argument> arguments), arguments);
  template <class Range>
  TREEHOLD_TEST_SETTING(args, (const Range& arguments), arguments);
  TREEHOLD_TEST_SETTING(arg0, (std::string name), std::move(name));
  TREEHOLD_TEST_SETTING(current_dir, (Path path), std::move(path));
  TREEHOLD_TEST_SETTING(env, (std::string name, std::string value), std::move(name),
                        std::move(value));
  TREEHOLD_TEST_SETTING(env_remove, (std::string name), std::move(name));
  TREEHOLD_TEST_SETTING(env_clear, ());
  TREEHOLD_TEST_SETTING(env_inherit_only, (std::initializer_list<std::string_view> names), names);
  TREEHOLD_TEST_SETTING(stdin_null, ());
  TREEHOLD_TEST_SETTING(stdin_bytes, (std::string bytes), std::move(bytes));
  TREEHOLD_TEST_SETTING(stdin_file, (Path path), std::move(path));
  TREEHOLD_TEST_SETTING(stdin_inherit, ());
  TREEHOLD_TEST_SETTING(stdin_pipe, ());
  TREEHOLD_TEST_SETTING(stdout_capture, ());
  TREEHOLD_TEST_SETTING(stdout_null, ());
  TREEHOLD_TEST_SETTING(stdout_inherit, ());
  TREEHOLD_TEST_SETTING(stdout_file, (Path path), std::move(path));
  TREEHOLD_TEST_SETTING(stdout_append, (Path path), std::move(path));
  TREEHOLD_TEST_SETTING(stderr_capture, ());
  TREEHOLD_TEST_SETTING(stderr_null, ());
  TREEHOLD_TEST_SETTING(stderr_inherit, ());
  TREEHOLD_TEST_SETTING(stderr_file, (Path path), std::move(path));
  TREEHOLD_TEST_SETTING(stderr_append, (Path path), std::move(path));
  TREEHOLD_TEST_SETTING(stderr_to_stdout, ());
  TREEHOLD_TEST_SETTING(output_limit, (treehold::OutputLimit limit), limit);
  TREEHOLD_TEST_SETTING(on_stdout_line, (treehold::LineHandler handler), std::move(handler));
  TREEHOLD_TEST_SETTING(on_stderr_line, (treehold::LineHandler handler), std::move(handler));
  TREEHOLD_TEST_SETTING(timeout, (Duration duration), duration);
  TREEHOLD_TEST_SETTING(inactivity_timeout, (Duration duration), duration);
  TREEHOLD_TEST_SETTING(timeout_grace, (Duration grace), grace);
  TREEHOLD_TEST_SETTING(soft_signal, (treehold::Signal signal), signal);
  TREEHOLD_TEST_SETTING(wait_scope, (treehold::WaitScope scope), scope);
  TREEHOLD_TEST_SETTING(drain_grace, (Duration grace), grace);
  TREEHOLD_TEST_SETTING(accept_exit_codes, (std::initializer_list<int> codes), codes);
  TREEHOLD_TEST_SETTING(uid, (std::uint32_t user), user);
  TREEHOLD_TEST_SETTING(gid, (std::uint32_t group), group);
  TREEHOLD_TEST_SETTING(groups, (std::vector<std::uint32_t> groups), std::move(groups));
  TREEHOLD_TEST_SETTING(umask, (std::uint32_t mask), mask);
  TREEHOLD_TEST_SETTING(new_session, ());
  TREEHOLD_TEST_SETTING(resource_limit,
                        (treehold::Resource resource, std::uint64_t soft, std::uint64_t hard),
                        resource, soft, hard);
  TREEHOLD_TEST_SETTING(nice, (int value), value);
  TREEHOLD_TEST_SETTING(cpu_affinity, (std::vector<unsigned> cpus), std::move(cpus));
  TREEHOLD_TEST_SETTING(no_new_privileges, ());

  [[nodiscard]] std::string run() const {
    return asynchronous() ? async_run(Host().context(), asio::use_future).get()
                          : treehold::Command::run();
  }
  [[nodiscard]] treehold::Output output() const {
    return asynchronous() ? async_output(Host().context(), asio::use_future).get()
                          : treehold::Command::output();
  }
  [[nodiscard]] treehold::Output checked() const {
    return asynchronous() ? async_checked(Host().context(), asio::use_future).get()
                          : treehold::Command::checked();
  }
  [[nodiscard]] int exit_code() const {
    return asynchronous() ? async_exit_code(Host().context(), asio::use_future).get()
                          : treehold::Command::exit_code();
  }
  [[nodiscard]] bool probe() const {
    return asynchronous() ? async_probe(Host().context(), asio::use_future).get()
                          : treehold::Command::probe();
  }
  [[nodiscard]] Process start() const {
    if (!asynchronous()) {
      return Process(treehold::Command::start());
    }
    auto host = std::make_unique<Host>();
    treehold::Process process = async_start(host->context(), asio::use_future).get();
    return Process(std::move(process), std::move(host));
  }
};

#undef TREEHOLD_TEST_SETTING

class ProcessGroup : public treehold::ProcessGroup {
 public:
  using treehold::ProcessGroup::ProcessGroup;

  [[nodiscard]] Process start(const treehold::Command& command) {
    if (!asynchronous()) {
      return Process(treehold::ProcessGroup::start(command));
    }
    auto host = std::make_unique<Host>();
    treehold::Process process = async_start(command, host->context(), asio::use_future).get();
    return Process(std::move(process), std::move(host));
  }
  std::string run(const treehold::Command& command) {
    return asynchronous() ? async_run(command, Host().context(), asio::use_future).get()
                          : treehold::ProcessGroup::run(command);
  }
  treehold::Output output(const treehold::Command& command) {
    return asynchronous() ? async_output(command, Host().context(), asio::use_future).get()
                          : treehold::ProcessGroup::output(command);
  }
  treehold::Output checked(const treehold::Command& command) {
    return asynchronous() ? async_checked(command, Host().context(), asio::use_future).get()
                          : treehold::ProcessGroup::checked(command);
  }
  int exit_code(const treehold::Command& command) {
    return asynchronous() ? async_exit_code(command, Host().context(), asio::use_future).get()
                          : treehold::ProcessGroup::exit_code(command);
  }
  bool probe(const treehold::Command& command) {
    return asynchronous() ? async_probe(command, Host().context(), asio::use_future).get()
                          : treehold::ProcessGroup::probe(command);
  }
  treehold::StopReport kill() {
    return asynchronous() ? async_kill(Host().context(), asio::use_future).get()
                          : treehold::ProcessGroup::kill();
  }
  treehold::StopReport stop(std::chrono::nanoseconds grace) {
    return asynchronous() ? async_stop(grace, Host().context(), asio::use_future).get()
                          : treehold::ProcessGroup::stop(grace);
  }
  /// All samples until the group is empty.
  std::vector<treehold::Statistics> samples(std::chrono::nanoseconds interval) {
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
};

// -- Many at once
// ----------------------------------------------------------------------------------

using Commands = std::vector<treehold::Command>;

[[nodiscard]] inline std::vector<treehold::OutputResult> output_all(const Commands& commands,
                                                                    std::size_t concurrency) {
  return asynchronous()
             ? treehold::async_output_all(commands, concurrency, Host().context(), asio::use_future)
                   .get()
             : treehold::output_all(commands, concurrency);
}
[[nodiscard]] inline std::vector<treehold::OutputResult> output_all(treehold::ProcessGroup& group,
                                                                    const Commands& commands,
                                                                    std::size_t concurrency) {
  return asynchronous() ? treehold::async_output_all(group, commands, concurrency, Host().context(),
                                                     asio::use_future)
                              .get()
                        : treehold::output_all(group, commands, concurrency);
}

class AsCompleted {
 public:
  explicit AsCompleted(treehold::AsCompleted all, std::unique_ptr<Host> host = nullptr) noexcept
      : host_(std::move(host)), all_(std::move(all)) {}

  [[nodiscard]] std::optional<treehold::Completed> next() {
    return host_ ? all_.async_next(asio::use_future).get() : all_.next();
  }

 private:
  std::unique_ptr<Host> host_;
  treehold::AsCompleted all_;  // goes first, and kills; the host waits for the rest
};

[[nodiscard]] inline AsCompleted as_completed(const Commands& commands, std::size_t concurrency) {
  if (!asynchronous()) {
    return AsCompleted(treehold::as_completed(commands, concurrency));
  }
  auto host = std::make_unique<Host>();
  treehold::AsCompleted all = treehold::as_completed(commands, concurrency, host->context());
  return AsCompleted(std::move(all), std::move(host));
}
[[nodiscard]] inline AsCompleted as_completed(treehold::ProcessGroup& group,
                                              const Commands& commands, std::size_t concurrency) {
  if (!asynchronous()) {
    return AsCompleted(treehold::as_completed(group, commands, concurrency));
  }
  auto host = std::make_unique<Host>();
  treehold::AsCompleted all = treehold::as_completed(group, commands, concurrency, host->context());
  return AsCompleted(std::move(all), std::move(host));
}

[[nodiscard]] inline std::vector<treehold::Process*> plain(const std::vector<Process*>& processes) {
  std::vector<treehold::Process*> plain;
  for (Process* process : processes) {
    plain.push_back(process == nullptr ? nullptr : process->plain());
  }
  return plain;
}
/// What `wait(processes, context, token)` completes with, on a context of its own. The processes
/// keep it, whose threads may still have it in hand; its own are gone when this returns, since they
/// may have the executors of the processes in hand.
template <class Wait>
auto waited_for(const std::vector<Process*>& processes, Wait wait) {
  const auto host = std::make_shared<Host>();
  for (Process* process : processes) {
    process->waited_on(host);
  }
  auto result = wait(plain(processes), host->context(), asio::use_future).get();
  host->finish();
  return result;
}
[[nodiscard]] inline std::size_t wait_any(const std::vector<Process*>& processes) {
  if (!asynchronous()) {
    return treehold::wait_any(plain(processes));
  }
  return waited_for(processes, [](auto all, auto& context, auto token) {
    return treehold::async_wait_any(std::move(all), context, token);
  });
}
inline std::vector<treehold::Outcome> wait_all(const std::vector<Process*>& processes) {
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

[[nodiscard]] inline Command role(const std::string& name,
                                  const std::vector<std::string>& arguments = {}) {
  return support::plain::role(name, arguments);
}
[[nodiscard]] inline Command quick() {
  return support::plain::quick();
}
[[nodiscard]] inline Command idle() {
  return support::plain::idle();
}

}  // namespace forms
