// Behind the templates of <treehold/async_many.hpp>.
#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>

#include <treehold/async_many.hpp>

#include "src/completion_core.hpp"
#include "src/user_operation.hpp"
#include "src/wait_many.hpp"

namespace treehold::inline v0::detail {
namespace {

namespace asio = boost::asio;
using asio::cancellation_type;

std::shared_ptr<RunQueue> make_queue(ManyOrder order, const Executor& strand) {
  return std::make_shared<RunQueue>(strand, std::move(order.commands), order.concurrency,
                                    std::move(order.group));
}

bool was_cancelled(const OutputResult& result) {
  try {
    if (result.has_error()) {
      std::rethrow_exception(result.error());
    }
  } catch (const Cancelled&) {
    return true;
  } catch (...) {
  }
  return false;
}

}  // namespace

void begin_output_all(ManyOrder order, const Executor& on,
                      AnyHandler<std::vector<OutputResult>> handler) {
  const Executor strand = asio::make_strand(on);
  begin_operation(
      strand, std::move(handler), of_a_run,
      [strand, order = std::move(order)](auto done) mutable -> GiveUp {
        const auto queue = make_queue(std::move(order), strand);
        queue->begin();
        queue->async_all([done, queue](std::exception_ptr error,
                                       std::vector<OutputResult> results) {
          // All leaders may have ended by themselves before the cancellation came.
          if (queue->cancelled() && std::any_of(results.begin(), results.end(), was_cancelled)) {
            error = std::make_exception_ptr(Cancelled("running many"));
          }
          done(std::move(error), std::move(results));
        });
        return [weak = std::weak_ptr(queue)] {
          if (const auto running = weak.lock()) {
            running->cancel();
          }
        };
      });
}

AsCompleted begin_as_completed(ManyOrder order, const Executor& on) {
  const auto queue = make_queue(std::move(order), asio::make_strand(on));
  AsCompleted all(std::make_shared<CompletionCore>(nullptr, queue));
  asio::post(queue->executor(), [queue] { queue->begin(); });
  return all;
}

void begin_next(const SharedCompletion& all, AnyHandler<std::optional<Completed>> handler) {
  if (all->own_context() != nullptr) {
    throw Unsupported("an asynchronous operation on runs of the synchronous form",
                      "nobody runs their context: give as_completed an executor");
  }
  begin_operation(all->queue()->executor(), std::move(handler), of_a_wait,
                  [queue = all->queue()](auto done) { return queue->async_next(std::move(done)); });
}

// -- Several processes
// ----------------------------------------------------------------------------------

namespace {

/// A wait on each of several processes. Lives on a strand; what is pending of the waits holds it.
class Waits : public std::enable_shared_from_this<Waits> {
 public:
  struct End {
    std::exception_ptr error;
    Outcome outcome;
  };
  /// By process; nothing for those whose wait was given up.
  using Ends = std::vector<std::optional<End>>;

  Waits(const Executor& strand, std::size_t count, Until until)
      : strand_(strand), until_(until), give_ups_(count), ends_(count), left_(count) {}

  /// Completes when no wait is left.
  GiveUp begin(const SharedProcesses& processes, platform::Handler<Ends> handler) {
    for (std::size_t i = 0; i < processes.size(); ++i) {
      auto ended = [self = shared_from_this(), i](std::exception_ptr error,
                                                  const Outcome& outcome) {
        self->ended(i, {std::move(error), outcome});
      };
      begin_wait(processes[i],
                 asio::bind_cancellation_slot(give_ups_[i].slot(),
                                              asio::bind_executor(strand_, std::move(ended))));
    }
    handler_.emplace(std::move(handler));
    complete_if_done();
    return [weak = weak_from_this()] {
      if (const auto self = weak.lock()) {
        self->give_up();
      }
    };
  }

 private:
  void ended(std::size_t i, End end) {
    --left_;
    if (!given_up_) {
      ends_[i] = std::move(end);
    }
    if (until_ == Until::one_is_over) {
      give_up();
    }
    complete_if_done();
  }

  void give_up() {
    if (!given_up_) {
      given_up_ = true;
      for (asio::cancellation_signal& signal : give_ups_) {
        signal.emit(cancellation_type::total);
      }
    }
  }

  void complete_if_done() {
    if (left_ == 0 && handler_) {
      platform::Handler<Ends> handler(std::move(*handler_));
      handler_.reset();
      std::move(handler)(std::move(ends_));
    }
  }

  const Executor strand_;
  const Until until_;
  std::vector<asio::cancellation_signal> give_ups_;
  Ends ends_;
  std::size_t left_;
  bool given_up_ = false;
  std::optional<platform::Handler<Ends>> handler_;
};

/// Begins the waits for a user's handler, which gets what `result(ends)` returns or throws.
template <class Result, class Take>
void begin_waits(SharedProcesses processes, Until until, const Executor& on,
                 AnyHandler<Result> handler, Take result) {
  for (const SharedProcess& process : processes) {
    process->require_host_executor();
  }
  const Executor strand = asio::make_strand(on);
  begin_operation(strand, std::move(handler), of_a_wait,
                  [processes = std::move(processes), until, strand, result](auto done) {
                    const auto waits = std::make_shared<Waits>(strand, processes.size(), until);
                    return waits->begin(processes, [done, result](const Waits::Ends& ends) {
                      Result value{};
                      std::exception_ptr error;
                      try {
                        value = result(ends);
                      } catch (...) {
                        error = std::current_exception();
                      }
                      done(std::move(error), std::move(value));
                    });
                  });
}

}  // namespace

SharedProcesses shared(const std::vector<Process*>& processes) {
  return cores_of(processes);
}

void begin_wait_any(SharedProcesses processes, const Executor& on,
                    AnyHandler<std::size_t> handler) {
  begin_waits(std::move(processes), Until::one_is_over, on, std::move(handler),
              [](const Waits::Ends& ends) {
                require_any(ends.size());
                const auto over = std::find_if(ends.begin(), ends.end(),
                                               [](const auto& end) { return end.has_value(); });
                if (over == ends.end()) {
                  throw Cancelled("waiting for any of several processes");
                }
                return static_cast<std::size_t>(over - ends.begin());
              });
}

void begin_wait_all(SharedProcesses processes, const Executor& on,
                    AnyHandler<std::vector<Outcome>> handler) {
  begin_waits(std::move(processes), Until::all_are_over, on, std::move(handler),
              [](const Waits::Ends& ends) {
                std::vector<Outcome> outcomes;
                for (const auto& end : ends) {
                  if (!end) {
                    throw Cancelled("waiting for several processes");
                  }
                  if (end->error) {
                    std::rethrow_exception(end->error);
                  }
                  outcomes.push_back(end->outcome);
                }
                return outcomes;
              });
}

}  // namespace treehold::inline v0::detail
