// An operation that a user has begun: keeps the handler with all that is associated with it, and
// calls it once.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include <boost/asio/any_completion_executor.hpp>
#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/associated_allocator.hpp>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/bind_allocator.hpp>
#include <boost/asio/cancellation_type.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <treehold/error.hpp>

#include "platform/platform.hpp"

namespace treehold::inline v0 {

/// What a whole run heeds, and what merely waits.
inline constexpr boost::asio::cancellation_type of_a_run =
    boost::asio::cancellation_type::terminal | boost::asio::cancellation_type::partial;
inline constexpr boost::asio::cancellation_type of_a_wait =
    of_a_run | boost::asio::cancellation_type::total;

/// Lives on an executor that runs one thing at a time; only a cancellation may come from anywhere.
template <class... Results>
class UserOperation : public std::enable_shared_from_this<UserOperation<Results...>> {
 public:
  using Handler = boost::asio::any_completion_handler<void(std::exception_ptr, Results...)>;

  UserOperation(platform::Executor executor, Handler handler)
      : executor_(std::move(executor)),
        handler_(std::move(handler)),
        work_(boost::asio::get_associated_executor(*handler_, executor_)) {}

  /// Runs `begin` on the executor, never from within this call, unless cancelled before; what it
  /// throws completes the operation.
  template <class Begin>
  void start(Begin begin) {
    boost::asio::post(executor_,
                      [self = this->shared_from_this(), begin = std::move(begin)]() mutable {
                        try {
                          if (self->cancelled_) {
                            throw Cancelled("before it began");
                          }
                          begin();
                          // From within, where there was nothing to be cancelled yet.
                          if (self->cancelled_ && self->handler_) {
                            self->cancel_();
                          }
                        } catch (...) {
                          self->fail(std::current_exception());
                        }
                      });
  }

  /// From now on a cancellation of one of the types in `accepted` calls `cancel` on the executor,
  /// while the operation is pending. To be called from within the initiating function.
  void on_cancellation(boost::asio::cancellation_type accepted, std::function<void()> cancel) {
    using boost::asio::cancellation_type;
    cancel_ = std::move(cancel);
    auto slot = boost::asio::get_associated_cancellation_slot(*handler_);
    if (slot.is_connected()) {
      slot.assign([accepted, weak = this->weak_from_this()](cancellation_type type) {
        const auto self = weak.lock();
        if (self && (type & accepted) != cancellation_type::none) {
          self->cancelled_ = true;
          boost::asio::dispatch(self->executor_, [self] {
            if (self->handler_) {
              self->cancel_();
            }
          });
        }
      });
    }
  }

  void complete(std::exception_ptr error, Results... results) {
    // Not earlier: the handler, once called, may end what holds this.
    const auto self = this->shared_from_this();
    Handler handler(std::move(*handler_));
    handler_.reset();
    cancel_ = nullptr;
    const auto executor = work_.get_executor();
    const auto allocator = boost::asio::get_associated_allocator(handler);
    boost::asio::dispatch(
        executor,
        boost::asio::bind_allocator(
            allocator, [held = self, handler = std::move(handler), error = std::move(error),
                        ... results = std::move(results)]() mutable {
              // Here, where the user emits cancellations as well.
              boost::asio::get_associated_cancellation_slot(handler).clear();
              held->work_.reset();
              // On another context than ours the handler may end ours.
              held.reset();
              std::move(handler)(std::move(error), std::move(results)...);
            }));
  }

  void fail(std::exception_ptr error) { complete(std::move(error), Results()...); }

 private:
  const platform::Executor executor_;
  std::optional<Handler> handler_;
  boost::asio::executor_work_guard<boost::asio::any_completion_executor> work_;
  std::function<void()> cancel_;
  std::atomic<bool> cancelled_{false};
};

/// Begins `begin(handler)`, which returns how to give it up, on the executor.
template <class... Results, class Begin>
void begin_operation(
    const platform::Executor& executor,
    boost::asio::any_completion_handler<void(std::exception_ptr, Results...)> handler,
    boost::asio::cancellation_type accepted, Begin begin) {
  const auto operation = std::make_shared<UserOperation<Results...>>(executor, std::move(handler));
  const auto give_up = std::make_shared<std::function<void()>>();
  operation->on_cancellation(accepted, [give_up] {
    if (*give_up) {
      (*give_up)();
    }
  });
  operation->start([operation, give_up, begin = std::move(begin)]() mutable {
    *give_up = begin([operation](std::exception_ptr error, Results... results) {
      operation->complete(std::move(error), std::move(results)...);
    });
  });
}

}  // namespace treehold::inline v0
