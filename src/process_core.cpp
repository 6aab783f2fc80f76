#include "src/process_core.hpp"

#include <utility>

#include <boost/asio/error.hpp>

#include <treehold/error.hpp>

namespace treehold::inline v0 {
namespace {

/// For an operation that only completes.
Completion<Nothing> without_result(platform::Handler<std::exception_ptr> handler) {
  return [handler = std::move(handler)](std::exception_ptr error, Nothing) mutable {
    std::move(handler)(std::move(error));
  };
}

}  // namespace

boost::asio::io_context& ProcessCore::require_own_context() const {
  if (!own_context_) {
    throw Unsupported("blocking on a process that lives on the host's executor",
                      "use the asynchronous form");
  }
  return *own_context_;
}

void ProcessCore::require_host_executor() const {
  if (own_context_) {
    throw Unsupported("an asynchronous operation on a process of start()",
                      "nobody runs its context: start it with async_start");
  }
}

Capture& ProcessCore::captured(Stream stream) const {
  Capture* const capture = execution_->capture(stream);
  if (capture == nullptr) {
    throw InvalidSetting(stream == Stream::out ? "stdout" : "stderr", "is not captured");
  }
  return *capture;
}

std::function<bool()> ProcessCore::finished() const {
  return [engine = execution_.get()] { return engine->finished(); };
}

GiveUp ProcessCore::async_started(platform::Handler<std::exception_ptr> handler) {
  const auto there = [engine = execution_.get()] {
    return engine->finished() || (engine->start_known() && !engine->start_failed());
  };
  const auto take = [](Execution& execution) {
    if (execution.start_failed()) {
      execution.rethrow_error();
    }
    return Nothing();
  };
  return async_result<Nothing>(execution_, executor_, there, take,
                               without_result(std::move(handler)));
}

GiveUp ProcessCore::async_finished(Completion<Outcome> handler) {
  const auto take = [](Execution& execution) {
    execution.rethrow_error();
    return execution.outcome().value_or(Outcome::unknown());
  };
  return async_result(execution_, executor_, finished(), take, std::move(handler));
}

GiveUp ProcessCore::async_wait(Completion<Outcome> handler) {
  execution_->close_input();
  return async_finished(std::move(handler));
}

GiveUp ProcessCore::async_output(Completion<Output> handler) {
  execution_->close_input();
  const auto take = [](Execution& execution) { return execution.take_result(); };
  return async_result(execution_, executor_, finished(), take, std::move(handler));
}

void ProcessCore::async_stop(Duration grace, Completion<StopReport> handler) {
  execution_->end_tree(grace);
  const auto take = [](Execution& execution) {
    return require_confirmed(execution.stop_report().value_or(StopReport()));
  };
  (void)async_result(execution_, executor_, finished(), take, std::move(handler));
}

/// Completes with what `take(capture)` takes of the stream as soon as `there(capture)` says that it
/// is there, and at the end with what is left; where nothing is, with what ended the run.
template <class Result, class There, class Take>
GiveUp ProcessCore::async_take(Stream stream, There there, Take take, Completion<Result> handler) {
  Capture& capture = captured(stream);
  const auto ready = [&capture, there, engine = execution_.get()] {
    return there(capture) || capture.finished() || engine->finished();
  };
  const auto take_it = [&capture, there, take](Execution& execution) {
    if (!there(capture) && execution.finished()) {
      execution.rethrow_error();
    }
    return take(capture);
  };
  return async_result<Result>(execution_, executor_, ready, take_it, std::move(handler));
}

GiveUp ProcessCore::async_read_some(Stream stream, std::size_t limit,
                                    Completion<std::string> handler) {
  return async_take(
      stream, [](Capture& capture) { return capture.has_bytes(); },
      [limit](Capture& capture) { return capture.take_some(limit); }, std::move(handler));
}

GiveUp ProcessCore::async_read_line(Stream stream, Completion<std::optional<std::string>> handler) {
  return async_take(
      stream, [](Capture& capture) { return capture.has_line(); },
      [](Capture& capture) { return capture.take_line(); }, std::move(handler));
}

GiveUp ProcessCore::async_read_lines(Stream stream, Completion<LineBatch> handler) {
  return async_take(
      stream, [](Capture& capture) { return capture.has_line(); },
      [](Capture& capture) { return capture.take_lines(); }, std::move(handler));
}

GiveUp ProcessCore::async_read_all(Stream stream, Completion<std::string> handler) {
  return async_take(
      stream, [](Capture& /*capture*/) { return false; },
      [](Capture& capture) { return capture.take_all(); }, std::move(handler));
}

/// Which stream has a line to tell next. They take turns, so that neither starves the other.
std::optional<Stream> ProcessCore::stream_with_line() const {
  const Stream other = last_told_ == Stream::out ? Stream::err : Stream::out;
  for (const Stream stream : {other, last_told_}) {
    Capture* const capture = execution_->capture(stream);
    if (capture != nullptr && capture->has_line()) {
      return stream;
    }
  }
  return std::nullopt;
}

bool ProcessCore::has_event() const {
  return !start_told_ || stream_with_line().has_value() || execution_->finished();
}

std::optional<Event> ProcessCore::take_event() {
  if (!std::exchange(start_told_, true)) {
    return Event(ProcessStarted{execution_->pid()});
  }
  if (const std::optional<Stream> stream = stream_with_line()) {
    last_told_ = *stream;
    return Event(OutputLine{*stream, execution_->capture(*stream)->take_line().value()});
  }
  execution_->rethrow_error();
  if (!std::exchange(end_told_, true)) {
    return Event(ProcessEnded{execution_->outcome().value_or(Outcome::unknown())});
  }
  return std::nullopt;
}

GiveUp ProcessCore::async_next_event(Completion<std::optional<Event>> handler) {
  return async_result<std::optional<Event>>(
      execution_, executor_, [this] { return has_event(); },
      [this](Execution&) { return take_event(); }, std::move(handler));
}

GiveUp ProcessCore::async_flush(platform::Handler<std::exception_ptr> handler) {
  const auto written = [engine = execution_.get(), begun = execution_->writes_begun()] {
    return engine->writes_done() >= begun;
  };
  return async_result<Nothing>(
      execution_, executor_, written, [](Execution&) { return Nothing(); },
      without_result(std::move(handler)));
}

GiveUp ProcessCore::async_write(std::string_view bytes,
                                platform::Handler<std::exception_ptr> handler) {
  struct State {
    boost::system::error_code error;
    bool done = false;
    bool given_up = false;
  };
  const auto state = std::make_shared<State>();
  // The run keeps what is to be written, but not the handler, which may own the run.
  execution_->async_write(bytes, [state](const boost::system::error_code& error) {
    state->error = error;
    state->done = true;
  });
  const auto take = [state](Execution&) {
    if (state->given_up) {
      throw Cancelled("writing to standard input");
    }
    boost::system::error_code error = state->error;
    if (error == boost::asio::error::operation_aborted) {  // closed by the end of the run
      error = make_error_code(boost::system::errc::broken_pipe);
    }
    if (error) {
      throw StdinFailed(error, "writing to standard input: " + error.message());
    }
    return Nothing();
  };
  // While this waits the output is read: the child may have to get rid of some before it takes
  // more.
  (void)async_result<Nothing>(
      execution_, executor_, [state] { return state->done; }, take,
      without_result(std::move(handler)));
  return [execution = std::weak_ptr(execution_), state] {
    const auto engine = execution.lock();
    if (engine && !state->done) {
      state->given_up = true;
      engine->cut_input();
    }
  };
}

}  // namespace treehold::inline v0
