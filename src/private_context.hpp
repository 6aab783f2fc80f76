// How the synchronous form drives the engine: on an io_context of its own, run on the caller's
// thread.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/system/system_error.hpp>

#include <treehold/error.hpp>

namespace treehold::inline v0 {

/// A context for the runs that are started on it. Throws `SpawnFailed` where the host has no
/// descriptor left for it.
inline std::unique_ptr<boost::asio::io_context> make_private_context() {
  try {
    auto context = std::make_unique<boost::asio::io_context>(1);
    const boost::asio::steady_timer opens_descriptors(*context);
    return context;
  } catch (const boost::system::system_error& error) {
    throw SpawnFailed(SpawnStage::launch, error.code(), "a context to wait on");
  }
}

/// Runs `context` until `condition` holds. The engine always has an operation pending that will
/// make it so; were there none, this would wait for ever, hence the exception.
template <class Condition>
void drive(boost::asio::io_context& context, Condition condition) {
  while (!condition()) {
    if (context.run_one() == 0) {
      throw std::logic_error("treehold: nothing is pending");
    }
  }
}

/// Starts an operation with `initiate(executor, handler)` on a context of its own and runs that
/// until the handler is called; what it was called with.
template <class Result, class Initiate>
Result run_to_completion(Initiate initiate) {
  boost::asio::io_context context(1);
  std::optional<Result> result;
  initiate(context.get_executor(), [&result](Result value) { result = std::move(value); });
  drive(context, [&result] { return result.has_value(); });
  return std::move(*result);
}

}  // namespace treehold::inline v0
