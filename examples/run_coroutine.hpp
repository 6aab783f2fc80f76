// Runs a coroutine to its end.
#pragma once

#include <exception>
#include <future>
#include <utility>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

/// On a context of its own; what it returns or throws.
template <class Result>
Result run_coroutine(boost::asio::awaitable<Result> work) {
  boost::asio::io_context context;
  std::promise<Result> result;
  boost::asio::co_spawn(context, std::move(work),
                        [&result](const std::exception_ptr& error, auto... value) {
                          if (error) {
                            result.set_exception(error);
                          } else {
                            result.set_value(std::move(value)...);
                          }
                        });
  context.run();
  return result.get_future().get();
}
