// What a `Process` is inside: its run, the executor it lives on, and its operations in the shape of
// the engine. The synchronous members drive them on the private context of `start`, the
// asynchronous ones (src/async.cpp) begin them on the strand of the host's.
#pragma once

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>

#include <treehold/event.hpp>
#include <treehold/process.hpp>

#include "platform/platform.hpp"
#include "src/async_result.hpp"
#include "src/execution.hpp"
#include "src/private_context.hpp"

namespace treehold::inline v0 {

/// Used on its executor, by one thread at a time.
class ProcessCore {
 public:
  /// `own_context` is null when the executor is the host's.
  ProcessCore(std::shared_ptr<Execution> execution,
              std::unique_ptr<boost::asio::io_context> own_context,
              platform::Executor executor) noexcept
      : own_context_(std::move(own_context)),
        executor_(std::move(executor)),
        execution_(std::move(execution)) {}

  [[nodiscard]] Execution& execution() const noexcept { return *execution_; }
  [[nodiscard]] const std::shared_ptr<Execution>& shared_execution() const noexcept {
    return execution_;
  }
  [[nodiscard]] const platform::Executor& executor() const noexcept { return executor_; }
  [[nodiscard]] boost::asio::io_context* own_context() const noexcept { return own_context_.get(); }
  /// For what one form alone can do: throws `Unsupported` in the other.
  [[nodiscard]] boost::asio::io_context& require_own_context() const;
  void require_host_executor() const;

  /// Drives the own context until the operation that `begin(handler)` begins has completed; its
  /// result.
  template <class Result, class Begin>
  Result complete(Begin begin) const;

  /// A captured stream. Throws `InvalidSetting` when it is not captured.
  [[nodiscard]] Capture& captured(Stream stream) const;

  /// Completes when the program is being executed. A failed start is reported when all of it is
  /// over.
  GiveUp async_started(platform::Handler<std::exception_ptr> handler);
  /// Completes when the run is over. `async_wait` and `async_output` close standard input first.
  GiveUp async_finished(Completion<Outcome> handler);
  GiveUp async_wait(Completion<Outcome> handler);
  GiveUp async_output(Completion<Output> handler);
  void async_stop(Duration grace, Completion<StopReport> handler);
  GiveUp async_read_some(Stream stream, std::size_t limit, Completion<std::string> handler);
  GiveUp async_read_line(Stream stream, Completion<std::optional<std::string>> handler);
  GiveUp async_read_lines(Stream stream, Completion<LineBatch> handler);
  GiveUp async_read_all(Stream stream, Completion<std::string> handler);
  /// The event that is there to be taken; at the end of a run nothing, or what ended it.
  [[nodiscard]] bool has_event() const;
  [[nodiscard]] std::optional<Event> take_event();
  GiveUp async_next_event(Completion<std::optional<Event>> handler);
  /// `bytes` must stay until the handler is called. Given up, the pipe is closed: nobody could know
  /// how much of them was written.
  GiveUp async_write(std::string_view bytes, platform::Handler<std::exception_ptr> handler);
  /// Completes when all that was begun to be written by now is done.
  GiveUp async_flush(platform::Handler<std::exception_ptr> handler);

 private:
  [[nodiscard]] std::function<bool()> finished() const;
  [[nodiscard]] std::optional<Stream> stream_with_line() const;
  template <class Result, class There, class Take>
  GiveUp async_take(Stream stream, There there, Take take, Completion<Result> handler);

  // First, so that it outlives what lives on it.
  const std::unique_ptr<boost::asio::io_context> own_context_;
  const platform::Executor executor_;
  const std::shared_ptr<Execution> execution_;
  bool start_told_ = false;  ///< as an event
  bool end_told_ = false;
  Stream last_told_ = Stream::err;  ///< whose line was the last event
};

template <class Result, class Begin>
Result ProcessCore::complete(Begin begin) const {
  boost::asio::io_context& context = require_own_context();
  std::optional<Result> result;
  std::exception_ptr error;
  begin([&](std::exception_ptr failure, Result value = Result()) {
    error = std::move(failure);
    result = std::move(value);
  });
  drive(context, [&result] { return result.has_value(); });
  if (error) {
    std::rethrow_exception(error);
  }
  return std::move(*result);
}

/// The result of an operation that only completes.
struct Nothing {};

}  // namespace treehold::inline v0
