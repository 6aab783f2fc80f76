// The asynchronous form: every verb and every waiting member as a Boost.Asio operation.
//
//     asio::awaitable<void> build() {
//       treehold::Output made =
//           co_await treehold::Command("ninja").timeout(10min).async_output(asio::use_awaitable);
//     }
//
// **Completion.** `void(std::exception_ptr, T)`, so that a coroutine, a future and a synchronous
// call throw the very same error. Any completion token will do. The handler is called once, through
// its associated executor, never from within the initiating function; its associated allocator and
// cancellation slot are used. All errors come this way, those of the settings as well.
//
// **Executor.** A run lives on a strand of the executor it is given, or of the handler's own when
// it is given none; an `io_context&` does as well. A handler that has none of its own (a plain
// lambda) must be given one: it would end in a hidden thread pool. Several threads may run the
// context.
//
// **Cancellation.** A whole run and a start support `terminal` and `partial`: the tree is ended
// (softly first where `Command::cancel_grace` says so), and the handler is called after it is dead,
// with `Cancelled`, whose code is `asio::error::operation_aborted`. A cancellation that comes after
// the leader has ended by itself changes nothing. What only waits or reads supports `total` too:
// the child goes on, nothing is lost, and the operation can be begun again.
//
// **Lifetime.** A context that is destroyed, or stopped for good, with runs in flight calls no
// handler; destroying it ends their trees and waits for that, at most five seconds each. A
// `Process` must not outlive the context it lives on; it may be moved or destroyed with operations
// pending: destroying it kills the tree, and they complete. A handler on an executor of another
// context may destroy that of the operation, once no thread runs it any more.
//
// See asio's overview, "Completion Tokens" and "Per-Operation Cancellation"; docs/async.md.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/execution_context.hpp>
#include <boost/asio/is_executor.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include <treehold/command.hpp>
#include <treehold/detail/asio_configuration.hpp>
#include <treehold/process.hpp>
#include <treehold/process_group.hpp>

namespace treehold::inline v0 {
namespace detail {

template <class... Results>
using AnyHandler = boost::asio::any_completion_handler<void(std::exception_ptr, Results...)>;

/// A run that is to be begun: a private one where there is no group.
struct RunOrder {
  Command command;
  std::shared_ptr<GroupCore> group;
};

using Executor = boost::asio::any_io_executor;

TREEHOLD_EXPORT void begin_run(RunOrder order, const Executor& on, AnyHandler<std::string> handler);
TREEHOLD_EXPORT void begin_output(RunOrder order, const Executor& on, AnyHandler<Output> handler);
TREEHOLD_EXPORT void begin_checked(RunOrder order, const Executor& on, AnyHandler<Output> handler);
TREEHOLD_EXPORT void begin_exit_code(RunOrder order, const Executor& on, AnyHandler<int> handler);
TREEHOLD_EXPORT void begin_probe(RunOrder order, const Executor& on, AnyHandler<bool> handler);
TREEHOLD_EXPORT void begin_start(RunOrder order, const Executor& on, AnyHandler<Process> handler);

using SharedProcess = std::shared_ptr<ProcessCore>;

TREEHOLD_EXPORT Executor executor_of(const SharedProcess& process);
TREEHOLD_EXPORT void require_captured(const SharedProcess& process, Stream stream);
TREEHOLD_EXPORT void begin_wait(const SharedProcess& process, AnyHandler<Outcome> handler);
TREEHOLD_EXPORT void begin_rest(const SharedProcess& process, AnyHandler<Output> handler);
TREEHOLD_EXPORT void begin_stop(const SharedProcess& process, std::chrono::nanoseconds grace,
                                AnyHandler<StopReport> handler);
TREEHOLD_EXPORT void begin_write(const SharedProcess& process, std::string bytes,
                                 AnyHandler<> handler);
TREEHOLD_EXPORT void begin_flush(const SharedProcess& process, AnyHandler<> handler);
TREEHOLD_EXPORT void begin_read_some(const SharedProcess& process, Stream stream, std::size_t limit,
                                     AnyHandler<std::string> handler);
TREEHOLD_EXPORT void begin_read_line(const SharedProcess& process, Stream stream,
                                     AnyHandler<std::optional<std::string>> handler);
TREEHOLD_EXPORT void begin_read_lines(const SharedProcess& process, Stream stream,
                                      AnyHandler<LineBatch> handler);
TREEHOLD_EXPORT void begin_read_all(const SharedProcess& process, Stream stream,
                                    AnyHandler<std::string> handler);
TREEHOLD_EXPORT void begin_next_event(const SharedProcess& process,
                                      AnyHandler<std::optional<Event>> handler);
/// What an operation of Asio's own kind would have completed with.
[[nodiscard]] TREEHOLD_EXPORT boost::system::error_code code_of(const std::exception_ptr& error);

using SharedGroup = std::shared_ptr<GroupCore>;

TREEHOLD_EXPORT void begin_group_stop(const SharedGroup& group, std::chrono::nanoseconds grace,
                                      const Executor& on, AnyHandler<StopReport> handler);
TREEHOLD_EXPORT void begin_group_kill(const SharedGroup& group, const Executor& on,
                                      AnyHandler<StopReport> handler);
TREEHOLD_EXPORT void begin_group_wait_empty(const SharedGroup& group, const Executor& on,
                                            AnyHandler<> handler);
TREEHOLD_EXPORT void begin_group_sample(const SharedGroup& group, std::chrono::nanoseconds interval,
                                        const Executor& on,
                                        AnyHandler<std::optional<Statistics>> handler);

struct NoExecutor {};

/// Whether handlers with this executor end in Asio's hidden thread pool: those that have none, and
/// those of `use_future`, whose own is the system's in disguise.
template <class Associated>
inline constexpr bool hidden_threads = std::is_same_v<Associated, NoExecutor>;
template <class... Parts>
inline constexpr bool hidden_threads<boost::asio::detail::promise_executor<Parts...>> = true;

/// The executor of a handler.
template <class Handler>
Executor executor_of_handler(const Handler& handler) {
  using Associated = typename boost::asio::associated_executor<Handler, NoExecutor>::type;
  static_assert(
      !hidden_threads<Associated>,
      "this handler has no executor of its own: give the operation one in front of the token, or "
      "bind one to the handler (asio::bind_executor)");
  return Executor(boost::asio::associated_executor<Handler, NoExecutor>::get(handler));
}

template <class Context>
requires std::is_convertible_v<Context&, boost::asio::execution_context&> Executor
executor_from(Context& context) {
  return context.get_executor();
}

template <class Native>
requires boost::asio::is_executor<Native>::value ||
    boost::asio::execution::is_executor<Native>::value Executor
    executor_from(const Native& executor) {
  return executor;
}

/// Begins `begin(executor, handler)` on the executor of the token's handler.
template <class Signature, class Begin, class Token>
auto on_own_executor(Begin begin, Token&& token) {
  AsioConfiguration::require();
  return boost::asio::async_initiate<Token, Signature>(
      [begin = std::move(begin)](auto handler) mutable {
        const Executor executor = executor_of_handler(handler);
        begin(executor, std::move(handler));
      },
      token);
}

/// The same on a given executor or context.
template <class Signature, class Begin, class On, class Token>
auto on_executor(Begin begin, On&& on, Token&& token) {
  AsioConfiguration::require();
  return boost::asio::async_initiate<Token, Signature>(
      [begin = std::move(begin), executor = executor_from(on)](auto handler) mutable {
        begin(executor, std::move(handler));
      },
      token);
}

/// With or without an executor in front of the token.
template <class Signature, class Begin, class Token>
auto initiate(Begin begin, Token&& token) {
  return on_own_executor<Signature>(std::move(begin), std::forward<Token>(token));
}
template <class Signature, class Begin, class On, class Token>
auto initiate(Begin begin, On&& on, Token&& token) {
  return on_executor<Signature>(std::move(begin), std::forward<On>(on), std::forward<Token>(token));
}

template <class Result>
using Signature = void(std::exception_ptr, Result);

/// A verb of a command, private or in a group.
template <class Result, class... Arguments>
auto initiate_run(void (*begin)(RunOrder, const Executor&, AnyHandler<Result>), RunOrder order,
                  Arguments&&... arguments) {
  static_assert(sizeof...(Arguments) == 1 || sizeof...(Arguments) == 2,
                "takes a completion token, and in front of it perhaps an executor");
  return initiate<Signature<Result>>(
      [begin, order = std::move(order)](const Executor& on, auto handler) mutable {
        begin(std::move(order), on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

/// The steps of `ReadPipe::async_read_some`.
template <class Buffers>
struct ReadSome {
  SharedProcess process;
  Stream stream;
  Buffers buffers;
  bool begun = false;

  template <class Self>
  void operator()(Self& self, const std::exception_ptr& error = {}, const std::string& bytes = {}) {
    if (!begun) {
      begun = true;
      self.reset_cancellation_state(boost::asio::enable_total_cancellation());
      const std::size_t limit = boost::asio::buffer_size(buffers);
      const SharedProcess from = process;
      begin_read_some(from, stream, limit, std::move(self));
      return;
    }
    const std::size_t count = boost::asio::buffer_copy(buffers, boost::asio::buffer(bytes));
    const bool ended = !error && count == 0 && boost::asio::buffer_size(buffers) > 0;
    self.complete(ended ? boost::asio::error::eof : code_of(error), count);
  }
};

/// The steps of `WritePipe::async_write_some`.
template <class Buffers>
struct WriteSome {
  SharedProcess process;
  Buffers buffers;
  bool begun = false;

  template <class Self>
  void operator()(Self& self, const std::exception_ptr& error = {}) {
    const std::size_t count = boost::asio::buffer_size(buffers);
    if (!begun) {
      begun = true;
      std::string bytes(count, '\0');
      boost::asio::buffer_copy(boost::asio::buffer(bytes), buffers);
      const SharedProcess into = process;
      begin_write(into, std::move(bytes), std::move(self));
      return;
    }
    self.complete(code_of(error), error ? 0 : count);
  }
};

/// A member of a process, which has an executor.
template <class Signature, class Begin, class Token>
auto initiate_on_process(Begin begin, Token&& token) {
  AsioConfiguration::require();
  return boost::asio::async_initiate<Token, Signature>(
      [begin = std::move(begin)](auto handler) mutable { begin(std::move(handler)); }, token);
}

}  // namespace detail

// -- Command
// --------------------------------------------------------------------------------------------
//
// Each takes `([executor,] token)`, and completes with what the synchronous verb returns or throws.

/// `void(std::exception_ptr, std::string)`
template <class... Arguments>
auto Command::async_run(Arguments&&... arguments) const {
  return detail::initiate_run(&detail::begin_run, {*this, nullptr},
                              std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, Output)`
template <class... Arguments>
auto Command::async_output(Arguments&&... arguments) const {
  return detail::initiate_run(&detail::begin_output, {*this, nullptr},
                              std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, Output)`
template <class... Arguments>
auto Command::async_checked(Arguments&&... arguments) const {
  return detail::initiate_run(&detail::begin_checked, {*this, nullptr},
                              std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, int)`
template <class... Arguments>
auto Command::async_exit_code(Arguments&&... arguments) const {
  return detail::initiate_run(&detail::begin_exit_code, {*this, nullptr},
                              std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, bool)`
template <class... Arguments>
auto Command::async_probe(Arguments&&... arguments) const {
  return detail::initiate_run(&detail::begin_probe, {*this, nullptr},
                              std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, Process)`. The process lives on a strand of the executor; its blocking
/// members throw `Unsupported`, since they would wait for what may be this very thread.
template <class... Arguments>
auto Command::async_start(Arguments&&... arguments) const {
  return detail::initiate_run(&detail::begin_start, {*this, nullptr},
                              std::forward<Arguments>(arguments)...);
}

// -- ProcessGroup
// ---------------------------------------------------------------------------------------

/// The verbs of `Command`, run in this group.
template <class... Arguments>
auto ProcessGroup::async_run(const Command& command, Arguments&&... arguments) {
  return detail::initiate_run(&detail::begin_run, {command, shared_core()},
                              std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
auto ProcessGroup::async_output(const Command& command, Arguments&&... arguments) {
  return detail::initiate_run(&detail::begin_output, {command, shared_core()},
                              std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
auto ProcessGroup::async_checked(const Command& command, Arguments&&... arguments) {
  return detail::initiate_run(&detail::begin_checked, {command, shared_core()},
                              std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
auto ProcessGroup::async_exit_code(const Command& command, Arguments&&... arguments) {
  return detail::initiate_run(&detail::begin_exit_code, {command, shared_core()},
                              std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
auto ProcessGroup::async_probe(const Command& command, Arguments&&... arguments) {
  return detail::initiate_run(&detail::begin_probe, {command, shared_core()},
                              std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
auto ProcessGroup::async_start(const Command& command, Arguments&&... arguments) {
  return detail::initiate_run(&detail::begin_start, {command, shared_core()},
                              std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, StopReport)`, as `stop`. `([executor,] token)`. Not cancellable: a
/// stop that was begun is finished.
template <class... Arguments>
auto ProcessGroup::async_stop(std::chrono::nanoseconds grace, Arguments&&... arguments) {
  return detail::initiate<detail::Signature<StopReport>>(
      [group = shared_core(), grace](const detail::Executor& on, auto handler) {
        detail::begin_group_stop(group, grace, on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, StopReport)`, as `kill`. Not cancellable.
template <class... Arguments>
auto ProcessGroup::async_kill(Arguments&&... arguments) {
  return detail::initiate<detail::Signature<StopReport>>(
      [group = shared_core()](const detail::Executor& on, auto handler) {
        detail::begin_group_kill(group, on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr)`: when no member is left. Cancellable by all types.
template <class... Arguments>
auto ProcessGroup::async_wait_empty(Arguments&&... arguments) {
  return detail::initiate<void(std::exception_ptr)>(
      [group = shared_core()](const detail::Executor& on, auto handler) {
        detail::begin_group_wait_empty(group, on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, std::optional<Statistics>)`: after `interval`, or when the last member
/// goes; nothing when there is no member to begin with. Cancellable by all types.
template <class... Arguments>
auto ProcessGroup::async_sample_stats(std::chrono::nanoseconds interval, Arguments&&... arguments) {
  return detail::initiate<detail::Signature<std::optional<Statistics>>>(
      [group = shared_core(), interval](const detail::Executor& on, auto handler) {
        detail::begin_group_sample(group, interval, on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

// -- Process: one that was started asynchronously
// -------------------------------------------------------
//
// They live on the process's own executor, which is also that of a handler without one. Begun on a
// process of `start()`, whose context only its blocking members run, they throw `Unsupported`.

template <class>
auto Process::get_executor() const {
  return detail::executor_of(shared_core());
}

/// `void(std::exception_ptr, Outcome)`, as `wait`, but standard input stays open: others may go on
/// writing.
template <class Token>
auto Process::async_wait(Token&& token) {
  return detail::initiate_on_process<detail::Signature<Outcome>>(
      [core = shared_core()](auto handler) { detail::begin_wait(core, std::move(handler)); },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, Output)`, as `output`: closes standard input, whatever is done to the
/// wait.
template <class Token>
auto Process::async_output(Token&& token) {
  return detail::initiate_on_process<detail::Signature<Output>>(
      [core = shared_core()](auto handler) { detail::begin_rest(core, std::move(handler)); },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, StopReport)`, as `stop`. Not cancellable.
template <class Token>
auto Process::async_stop(std::chrono::nanoseconds grace, Token&& token) {
  return detail::initiate_on_process<detail::Signature<StopReport>>(
      [core = shared_core(), grace](auto handler) {
        detail::begin_stop(core, grace, std::move(handler));
      },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, std::string)`, as `read_some`.
template <class Token>
auto Process::async_read_some(Stream stream, std::size_t limit, Token&& token) {
  return detail::initiate_on_process<detail::Signature<std::string>>(
      [core = shared_core(), stream, limit](auto handler) {
        detail::begin_read_some(core, stream, limit, std::move(handler));
      },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, std::optional<std::string>)`, as `read_line`: in a coroutine,
/// `while (auto line = co_await process.async_read_line(Stream::out, use_awaitable))`.
template <class Token>
auto Process::async_read_line(Stream stream, Token&& token) {
  return detail::initiate_on_process<detail::Signature<std::optional<std::string>>>(
      [core = shared_core(), stream](auto handler) {
        detail::begin_read_line(core, stream, std::move(handler));
      },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, LineBatch)`, as `read_lines`.
template <class Token>
auto Process::async_read_lines(Stream stream, Token&& token) {
  return detail::initiate_on_process<detail::Signature<LineBatch>>(
      [core = shared_core(), stream](auto handler) {
        detail::begin_read_lines(core, stream, std::move(handler));
      },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, std::string)`, as `read_all`.
template <class Token>
auto Process::async_read_all(Stream stream, Token&& token) {
  return detail::initiate_on_process<detail::Signature<std::string>>(
      [core = shared_core(), stream](auto handler) {
        detail::begin_read_all(core, stream, std::move(handler));
      },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, std::optional<Event>)`, as `next_event`: in a coroutine,
/// `while (auto event = co_await process.async_next_event(use_awaitable))`.
template <class Token>
auto Process::async_next_event(Token&& token) {
  return detail::initiate_on_process<detail::Signature<std::optional<Event>>>(
      [core = shared_core()](auto handler) { detail::begin_next_event(core, std::move(handler)); },
      std::forward<Token>(token));
}

// -- StdinWriter
// ------------------------------------------------------------------------------------------

/// `void(std::exception_ptr)`, as `write`. Several may be pending: they are written in their order,
/// and behind a failed one all fail. Cancelled, it closes standard input at once, since nobody
/// knows how much was written; it supports `terminal` alone.
template <class Token>
auto StdinWriter::async_write(std::string bytes, Token&& token) {
  return detail::initiate_on_process<void(std::exception_ptr)>(
      [core = core(), bytes = std::move(bytes)](auto handler) mutable {
        detail::begin_write(core, std::move(bytes), std::move(handler));
      },
      std::forward<Token>(token));
}

/// The same for the line and '\n'.
template <class Token>
auto StdinWriter::async_write_line(std::string line, Token&& token) {
  return async_write(std::move(line) + '\n', std::forward<Token>(token));
}

/// `void(std::exception_ptr)`, as `flush`. Cancellable by all types; the writes go on.
template <class Token>
auto StdinWriter::async_flush(Token&& token) {
  return detail::initiate_on_process<void(std::exception_ptr)>(
      [core = core()](auto handler) { detail::begin_flush(core, std::move(handler)); },
      std::forward<Token>(token));
}

// -- Streams
// ----------------------------------------------------------------------------------------------

/// A sink for `Command::stdout_tee` that writes into any AsyncWriteStream, on its executor, one
/// write at a time. The stream must outlive the run, and its last write. It is the host's: a pipe
/// of Asio raises SIGPIPE when nobody reads it, a socket does not.
template <class AsyncWriteStream>
TeeSink tee_into(AsyncWriteStream& stream) {
  return [&stream](std::string_view bytes, std::function<void(boost::system::error_code)> done) {
    boost::asio::dispatch(stream.get_executor(), [&stream, bytes,
                                                  done = std::move(done)]() mutable {
      boost::asio::async_write(stream, boost::asio::buffer(bytes),
                               [done = std::move(done)](const boost::system::error_code& error,
                                                        std::size_t /*count*/) { done(error); });
    });
  };
}

/// A captured stream of a process as an `AsyncReadStream`: for `asio::async_read_until` and its
/// kin. It is read by the process all the same: back-pressure, time-outs and what `Process` reads
/// stay as they are. Ends with `asio::error::eof`; cancellable by all types without loss.
class ReadPipe {
 public:
  using executor_type = detail::Executor;

  ReadPipe(detail::SharedProcess process, Stream stream) noexcept
      : process_(std::move(process)), stream_(stream) {}
  [[nodiscard]] executor_type get_executor() const { return detail::executor_of(process_); }

  /// `void(boost::system::error_code, std::size_t)`
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        detail::ReadSome<Buffers>{process_, stream_, buffers}, token, get_executor());
  }

 private:
  detail::SharedProcess process_;
  Stream stream_;
};

/// Standard input of a process as an `AsyncWriteStream`: for `asio::async_write` and its kin.
/// Cancelled (`terminal`), it closes standard input.
class WritePipe {
 public:
  using executor_type = detail::Executor;

  explicit WritePipe(detail::SharedProcess process) noexcept : process_(std::move(process)) {}
  [[nodiscard]] executor_type get_executor() const { return detail::executor_of(process_); }

  /// `void(boost::system::error_code, std::size_t)`
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_compose<Token, void(boost::system::error_code, std::size_t)>(
        detail::WriteSome<Buffers>{process_, buffers}, token, get_executor());
  }

 private:
  detail::SharedProcess process_;
};

/// Throws `InvalidSetting` when the stream is not captured.
template <class>
auto Process::stdout_pipe() const {
  detail::require_captured(shared_core(), Stream::out);
  return ReadPipe(shared_core(), Stream::out);
}
template <class>
auto Process::stderr_pipe() const {
  detail::require_captured(shared_core(), Stream::err);
  return ReadPipe(shared_core(), Stream::err);
}
/// Writing fails with EPIPE when there is no pipe, or none any more.
template <class>
auto Process::stdin_pipe() const {
  return WritePipe(shared_core());
}

}  // namespace treehold::inline v0

#include <treehold/async_many.hpp>  // IWYU pragma: export
