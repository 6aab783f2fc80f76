// What the tests of the asynchronous form share: a handler that keeps what it was called with, and
// a context that is run until something is so.
#pragma once

#include <chrono>
#include <exception>
#include <type_traits>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <treehold/treehold.hpp>

#include "support.hpp"

namespace answers {

/// In place of the result of an operation that has none.
struct Nothing {};

/// What an operation completed with.
template <class Result = Nothing>
class Answer {
 public:
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

  [[nodiscard]] int calls() const noexcept { return calls_; }
  [[nodiscard]] bool good() const noexcept { return calls_ == 1 && !error_; }
  [[nodiscard]] Result& result() noexcept { return result_; }
  [[nodiscard]] const Result& result() const noexcept { return result_; }

  /// Called once, with an error of this class.
  template <class Error>
  [[nodiscard]] bool failed_with() const {
    try {
      if (error_) {
        std::rethrow_exception(error_);
      }
    } catch (const Error&) {
      return calls_ == 1;
    } catch (...) {
    }
    return false;
  }

  /// Called once, with `Cancelled` and the code that Asio gives what was cancelled.
  [[nodiscard]] bool cancelled() const {
    try {
      if (error_) {
        std::rethrow_exception(error_);
      }
    } catch (const treehold::Cancelled& caught) {
      return calls_ == 1 && caught.code() == boost::asio::error::operation_aborted;
    } catch (...) {
    }
    return false;
  }

 private:
  void keep(std::exception_ptr failure, Result value) {
    ++calls_;
    error_ = std::move(failure);
    result_ = std::move(value);
  }

  int calls_ = 0;
  std::exception_ptr error_;
  Result result_{};
};

/// Runs `context` until `condition` holds.
template <class Condition>
void run_until(boost::asio::io_context& context, Condition condition) {
  const auto end = std::chrono::steady_clock::now() + support::hang_bound;
  while (!condition() && std::chrono::steady_clock::now() < end) {
    context.restart();  // it stops when it runs out of work
    if (context.run_one_until(end) == 0) {
      break;
    }
  }
  REQUIRE(condition());
}

/// Does all that is ready now. What must not change anything has had its chance then.
inline void run_ready(boost::asio::io_context& context) {
  context.restart();
  while (context.poll() > 0) {
    context.restart();
  }
}

}  // namespace answers
