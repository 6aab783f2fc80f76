// A host that lives by its event loop.
#pragma once

#include <algorithm>
#include <chrono>
#include <future>
#include <optional>
#include <thread>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>

#include <treehold/error.hpp>

namespace forms {

namespace asio = boost::asio;

/// Two threads that run a context. Goes when nothing is pending any more.
class Host {
 public:
  Host() {
    for (std::thread& thread : threads_) {
      thread = std::thread([this] { context_.run(); });
    }
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host() {
    work_.reset();
    for (std::thread& thread : threads_) {
      thread.join();
    }
  }

  [[nodiscard]] asio::io_context& context() noexcept { return context_; }

  /// What `wait(token)` completes with; cancels it after `bound`, and then has nothing to tell.
  template <class Result, class Wait>
  std::optional<Result> wait_for(std::chrono::nanoseconds bound, Wait wait) {
    asio::cancellation_signal signal;
    // Where the handler is called the signal is emitted: one after the other.
    const auto strand = asio::make_strand(context_);
    std::future<Result> future = wait(
        asio::bind_executor(strand, asio::bind_cancellation_slot(signal.slot(), asio::use_future)));
    // Never less than what an operation takes that is complete already.
    constexpr std::chrono::milliseconds least(50);
    if (future.wait_for(std::clamp<std::chrono::nanoseconds>(
            bound, least, std::chrono::hours(1))) == std::future_status::timeout) {
      asio::post(strand,
                 asio::use_future([&signal] { signal.emit(asio::cancellation_type::total); }))
          .get();
      try {
        return future.get();
      } catch (const treehold::Cancelled&) {
        return std::nullopt;
      }
    }
    return future.get();
  }

 private:
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_ =
      asio::make_work_guard(context_);
  std::thread threads_[2];
};

}  // namespace forms
