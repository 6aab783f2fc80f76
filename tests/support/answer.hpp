// What a test of the asynchronous form needs: a handler that notes what it is called with, and a
// way to run a context until something has come.
#pragma once

#include <chrono>
#include <exception>
#include <utility>

#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <treehold/error.hpp>

#include "support.hpp"

namespace support {

/// What an operation completed with.
template <class Result>
struct Answer {
  int calls = 0;
  std::exception_ptr error;
  Result result{};

  [[nodiscard]] auto handler() {
    return [this](std::exception_ptr failure, Result value) {
      ++calls;
      error = std::move(failure);
      result = std::move(value);
    };
  }

  template <class Error>
  [[nodiscard]] bool failed_with() const {
    try {
      if (error) {
        std::rethrow_exception(error);
      }
    } catch (const Error&) {
      return true;
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
      return caught.code() == boost::asio::error::operation_aborted;
    } catch (...) {
    }
    return false;
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

}  // namespace support
