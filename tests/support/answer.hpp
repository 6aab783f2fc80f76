// What a test of the asynchronous form needs: a handler that notes what it is called with, and a
// way to run a context until something has come.
#pragma once

#include <chrono>
#include <exception>
#include <type_traits>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <treehold/error.hpp>

#include "support.hpp"

namespace support {

/// In place of the result of an operation that has none.
struct Nothing {};

/// What an operation completed with.
template <class Result = Nothing>
struct Answer {
  int calls = 0;
  std::exception_ptr error;
  Result result{};

  /// The handler; `then` is called from within it, once the answer is there.
  template <class Then>
  [[nodiscard]] auto handler(Then then) {
    if constexpr (std::is_same_v<Result, Nothing>) {
      return [this, then = std::move(then)](std::exception_ptr failure) mutable {
        keep(std::move(failure), Nothing());
        then();
      };
    } else {
      return [this, then = std::move(then)](std::exception_ptr failure, Result value) mutable {
        keep(std::move(failure), std::move(value));
        then();
      };
    }
  }
  [[nodiscard]] auto handler() {
    return handler([] {});
  }

  [[nodiscard]] bool good() const noexcept { return calls == 1 && !error; }

  template <class Error>
  [[nodiscard]] bool failed_with() const {
    try {
      if (error) {
        std::rethrow_exception(error);
      }
    } catch (const Error&) {
      return calls == 1;
    } catch (...) {
    }
    return false;
  }

  [[nodiscard]] bool cancelled() const {
    try {
      if (error) {
        std::rethrow_exception(error);
      }
    } catch (const treehold::Cancelled& caught) {
      return calls == 1 && caught.code() == boost::asio::error::operation_aborted;
    } catch (...) {
    }
    return false;
  }

  void keep(std::exception_ptr failure, Result value) {
    ++calls;
    error = std::move(failure);
    result = std::move(value);
  }
};

/// Runs `context` until `condition` holds.
template <class Condition>
void run_until(boost::asio::io_context& context, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + hang_bound;
  while (!condition() && std::chrono::steady_clock::now() < end) {
    context.restart();  // it stops when it runs out of work
    if (context.run_one_until(end) == 0) {
      break;
    }
  }
  REQUIRE(condition());
}

/// Does all that is ready now: what must change nothing has had its chance then.
inline void run_ready(boost::asio::io_context& context) {
  context.restart();
  while (context.poll() > 0) {
    context.restart();
  }
}

}  // namespace support
