// One operation on a run: waits for a condition, takes a result, and hands it to a handler.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include <treehold/error.hpp>

#include "platform/platform.hpp"
#include "src/execution.hpp"

namespace treehold::inline v0 {

/// Called once, on the executor of the run, with an error or with what was asked for.
template <class Result>
using Completion = platform::Handler<std::exception_ptr, Result>;

/// Gives an operation up: its handler is called with `Cancelled`, and what it waited for goes on.
/// Harmless when it has completed.
using GiveUp = std::function<void()>;

/// Completes with what `take(execution)` returns or throws as soon as `condition()` holds; when it
/// does already, from within this call. The result is taken at that very moment, so that of two who
/// wait for a line each gets one.
///
/// The handler is kept in a timer's pending wait and not by the run, which the handler may own: so
/// a context that is destroyed destroys both.
template <class Result, class Take>
GiveUp async_result(const std::shared_ptr<Execution>& execution, const platform::Executor& executor,
                    std::function<bool()> condition, Take take, Completion<Result> handler) {
  struct Taken {
    Result result{};
    std::exception_ptr error;

    void attempt(Take& from, Execution& engine) noexcept {
      try {
        result = from(engine);
      } catch (...) {
        error = std::current_exception();
      }
    }
  };
  // Without a word to the engine: of many lines that are there this is one.
  if (condition()) {
    Taken taken;
    taken.attempt(take, *execution);
    std::move(handler)(std::move(taken.error), std::move(taken.result));
    return [] {};
  }
  struct Pending : Taken {
    explicit Pending(const platform::Executor& on)
        : bell(on, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer bell;
  };
  const auto pending = std::make_shared<Pending>(executor);
  const auto waiter = std::make_shared<Execution::Waiter>();
  waiter->condition = std::move(condition);
  waiter->told = [pending, engine = execution.get(), take = std::move(take)](bool holds) mutable {
    if (holds) {
      pending->attempt(take, *engine);
    } else {
      pending->error = std::make_exception_ptr(Cancelled("waiting for a process"));
    }
    pending->bell.cancel();
  };
  pending->bell.async_wait(
      [pending, handler = std::move(handler)](const boost::system::error_code&) mutable {
        std::move(handler)(std::move(pending->error), std::move(pending->result));
      });
  execution->when(waiter);
  return [execution = std::weak_ptr(execution), waiter = std::weak_ptr(waiter)] {
    const auto engine = execution.lock();
    const auto waiting = waiter.lock();
    if (engine && waiting) {
      engine->abandon(waiting);
    }
  };
}

}  // namespace treehold::inline v0
