// The two forms of treehold behind one interface, so that the contract runs in both: in the
// synchronous form, or, with TREEHOLD_TEST_FORM=async, by the asynchronous operations on a context
// that two threads run. The classes stand in for those of the same names. What is behind them is in
// forms.cpp, so that a test compiles nothing of Asio.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <treehold/treehold.hpp>

#include "support.hpp"

namespace forms {

class Host;

/// Of the two.
[[nodiscard]] bool asynchronous();

class Process {
 public:
  explicit Process(treehold::Process process, std::unique_ptr<Host> host = nullptr) noexcept;
  Process(Process&&) noexcept;
  Process& operator=(Process&& other) noexcept;
  ~Process();

  [[nodiscard]] treehold::ProcessId pid() const noexcept { return process_.pid(); }
  [[nodiscard]] treehold::Mechanism mechanism() const noexcept { return process_.mechanism(); }
  [[nodiscard]] std::optional<treehold::Outcome> outcome() const;
  treehold::Outcome wait();
  std::optional<treehold::Outcome> wait_for(std::chrono::nanoseconds duration);
  treehold::Output output();
  void kill() { process_.kill(); }
  std::size_t signal(treehold::Signal signal) { return process_.signal(signal); }
  treehold::StopReport stop(std::chrono::nanoseconds grace);
  [[nodiscard]] std::vector<treehold::ProcessId> members() const { return process_.members(); }

  /// Stands in for the writer.
  class Input {
   public:
    Input(treehold::StdinWriter writer, bool host) : writer_(std::move(writer)), host_(host) {}
    void write(std::string_view bytes);
    void write_line(std::string_view line);
    void flush();
    void close() { writer_.close(); }

   private:
    treehold::StdinWriter writer_;
    bool host_;
  };
  [[nodiscard]] Input input() const { return {process_.input(), host_ != nullptr}; }

  std::string read_some(treehold::Stream stream, std::size_t limit = std::size_t{64} * 1024);
  std::string take_read(treehold::Stream stream);
  std::optional<std::string> read_line(treehold::Stream stream);
  treehold::LineBatch read_lines(treehold::Stream stream);
  treehold::PullRange<std::string> lines(treehold::Stream stream);
  std::optional<treehold::Event> next_event();
  treehold::PullRange<treehold::Event> events();
  std::string read_all(treehold::Stream stream);

  [[nodiscard]] treehold::Process* plain() noexcept { return &process_; }
  /// `host` is to outlive the own one, whose threads may still have it in hand.
  void waited_on(std::shared_ptr<Host> host) { waited_on_.push_back(std::move(host)); }

 private:
  // The process goes first, and kills; then its host, which waits for the rest.
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

  [[nodiscard]] std::string run() const;
  [[nodiscard]] treehold::Output output() const;
  [[nodiscard]] treehold::Output checked() const;
  [[nodiscard]] int exit_code() const;
  [[nodiscard]] bool probe() const;
  [[nodiscard]] Process start() const;
};

#undef TREEHOLD_TEST_SETTING

class ProcessGroup : public treehold::ProcessGroup {
 public:
  using treehold::ProcessGroup::ProcessGroup;

  [[nodiscard]] Process start(const treehold::Command& command);
  std::string run(const treehold::Command& command);
  treehold::Output output(const treehold::Command& command);
  treehold::Output checked(const treehold::Command& command);
  int exit_code(const treehold::Command& command);
  bool probe(const treehold::Command& command);
  treehold::StopReport kill();
  treehold::StopReport stop(std::chrono::nanoseconds grace);
  /// All samples until the group is empty.
  std::vector<treehold::Statistics> samples(std::chrono::nanoseconds interval);
};

// -- Many at once --------------------------------------------------------------------------------

using Commands = std::vector<treehold::Command>;

[[nodiscard]] std::vector<treehold::OutputResult> output_all(const Commands& commands,
                                                             std::size_t concurrency);
[[nodiscard]] std::vector<treehold::OutputResult> output_all(treehold::ProcessGroup& group,
                                                             const Commands& commands,
                                                             std::size_t concurrency);

class AsCompleted {
 public:
  explicit AsCompleted(treehold::AsCompleted all, std::unique_ptr<Host> host = nullptr) noexcept;
  AsCompleted(AsCompleted&&) noexcept;
  AsCompleted& operator=(AsCompleted&&) = delete;
  ~AsCompleted();

  [[nodiscard]] std::optional<treehold::Completed> next();

 private:
  std::unique_ptr<Host> host_;
  treehold::AsCompleted all_;  // goes first, and kills; the host waits for the rest
};

[[nodiscard]] AsCompleted as_completed(const Commands& commands, std::size_t concurrency);
[[nodiscard]] AsCompleted as_completed(treehold::ProcessGroup& group, const Commands& commands,
                                       std::size_t concurrency);

[[nodiscard]] std::size_t wait_any(const std::vector<Process*>& processes);
std::vector<treehold::Outcome> wait_all(const std::vector<Process*>& processes);

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
