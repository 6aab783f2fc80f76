// One operation on a run, or on a queue of runs: waits for a condition, takes a result, and hands
// it to a handler.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/steady_timer.hpp>

#include <treehold/error.hpp>

#include "platform/platform.hpp"
#include "src/waiters.hpp"

namespace treehold::inline v0 {

/// Called once, on the executor of the engine, with an error or with what was asked for.
template <class Result>
using Completion = platform::Handler<std::exception_ptr, Result>;

/// Gives an operation up: its handler is called with `Cancelled`, and what it waited for goes on.
/// Harmless when it has completed.
using GiveUp = std::function<void()>;

/// Completes with what `take(engine)` returns or throws as soon as `condition()` holds; when it
/// does already, from within this call. The result is taken at that very moment, so that of two who
/// wait for a line each gets one.
///
/// The handler is kept in a timer's pending wait and not by the engine, which the handler may own:
/// so a context that is destroyed destroys both.
template <class Result, class Engine, class Take>
GiveUp async_result(const std::shared_ptr<Engine>& engine, const platform::Executor& executor,
                    std::function<bool()> condition, Take take, Completion<Result> handler) {
  struct Taken {
    Result result{};
    std::exception_ptr error;

    void attempt(Take& from, Engine& engine) noexcept {
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
    taken.attempt(take, *engine);
    std::move(handler)(std::move(taken.error), std::move(taken.result));
    return [] {};
  }
  struct Pending : Taken {
    explicit Pending(const platform::Executor& on)
        : bell(on, boost::asio::steady_timer::time_point::max()) {}
    boost::asio::steady_timer bell;
  };
  const auto pending = std::make_shared<Pending>(executor);
  const auto waiter = std::make_shared<Waiter>();
  waiter->condition = std::move(condition);
  waiter->told = [pending, from = engine.get(), take = std::move(take)](bool holds) mutable {
    if (holds) {
      pending->attempt(take, *from);
    } else {
      pending->error = std::make_exception_ptr(Cancelled("waiting"));
    }
    pending->bell.cancel();
  };
  pending->bell.async_wait(
      [pending, handler = std::move(handler)](const boost::system::error_code&) mutable {
        std::move(handler)(std::move(pending->error), std::move(pending->result));
      });
  engine->when(waiter);
  return [engine = std::weak_ptr(engine), waiter = std::weak_ptr(waiter)] {
    const auto alive = engine.lock();
    const auto waiting = waiter.lock();
    if (alive && waiting) {
      alive->abandon(waiting);
    }
  };
}

}  // namespace treehold::inline v0
