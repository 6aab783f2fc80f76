// The asynchronous form of <treehold/many.hpp>: see <treehold/async.hpp>, which includes this, for
// completion, executors and lifetime.
//
//     auto results = co_await treehold::async_output_all(compilers, 8, asio::use_awaitable);
//
//     treehold::AsCompleted all = treehold::as_completed(compilers, 8, context);
//     while (auto done = co_await all.async_next(asio::use_awaitable)) {
//       std::cout << files[done->index] << "\n";
//     }
#pragma once

#include <cstddef>
#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <treehold/async.hpp>
#include <treehold/many.hpp>

namespace treehold::inline v0 {
namespace detail {

/// Runs that are to be begun: private ones where there is no group.
struct ManyOrder {
  std::vector<Command> commands;
  std::size_t concurrency;
  std::shared_ptr<GroupCore> group;
};

using SharedCompletion = std::shared_ptr<CompletionCore>;
using SharedProcesses = std::vector<SharedProcess>;

TREEHOLD_EXPORT SharedProcesses shared(const std::vector<Process*>& processes);
TREEHOLD_EXPORT void begin_output_all(ManyOrder order, const Executor& on,
                                      AnyHandler<std::vector<OutputResult>> handler);
TREEHOLD_EXPORT AsCompleted begin_as_completed(ManyOrder order, const Executor& on);
TREEHOLD_EXPORT void begin_next(const SharedCompletion& all,
                                AnyHandler<std::optional<Completed>> handler);
TREEHOLD_EXPORT void begin_wait_any(SharedProcesses processes, const Executor& on,
                                    AnyHandler<std::size_t> handler);
TREEHOLD_EXPORT void begin_wait_all(SharedProcesses processes, const Executor& on,
                                    AnyHandler<std::vector<Outcome>> handler);

template <class... Arguments>
auto initiate_output_all(ManyOrder order, Arguments&&... arguments) {
  static_assert(sizeof...(Arguments) == 1 || sizeof...(Arguments) == 2,
                "takes a completion token, and in front of it perhaps an executor");
  return initiate<Signature<std::vector<OutputResult>>>(
      [order = std::move(order)](const Executor& on, auto handler) mutable {
        begin_output_all(std::move(order), on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

}  // namespace detail

/// `void(std::exception_ptr, std::vector<OutputResult>)`, as `output_all`. `([executor,] token)`.
/// All runs live on one strand of the executor.
///
/// A cancellation (`terminal`, `partial`) ends what is alive, each run as `Command::cancel_grace`
/// says, starts none of the rest, and completes when all trees are dead: with `Cancelled`, and
/// beside it all results, of which those of runs that did not come to their end are `Cancelled`
/// too. (No results where it came before anything had begun.) It changes nothing when all leaders
/// have ended by themselves before.
template <class... Arguments>
auto async_output_all(std::vector<Command> commands, std::size_t concurrency,
                      Arguments&&... arguments) {
  return detail::initiate_output_all({std::move(commands), concurrency, nullptr},
                                     std::forward<Arguments>(arguments)...);
}
template <class... Arguments>
auto async_output_all(ProcessGroup& group, std::vector<Command> commands, std::size_t concurrency,
                      Arguments&&... arguments) {
  return detail::initiate_output_all({std::move(commands), concurrency, group.shared_core()},
                                     std::forward<Arguments>(arguments)...);
}

/// Runs that go on by themselves on a strand of the executor, whether or not their results are
/// taken: results that nobody has taken yet are kept. It must not outlive the context.
/// Throws `InvalidSetting` when `concurrency` is 0.
template <class On>
[[nodiscard]] AsCompleted as_completed(std::vector<Command> commands, std::size_t concurrency,
                                       On&& on) {
  return detail::begin_as_completed({std::move(commands), concurrency, nullptr},
                                    detail::executor_from(on));
}
template <class On>
[[nodiscard]] AsCompleted as_completed(ProcessGroup& group, std::vector<Command> commands,
                                       std::size_t concurrency, On&& on) {
  return detail::begin_as_completed({std::move(commands), concurrency, group.shared_core()},
                                    detail::executor_from(on));
}

/// `void(std::exception_ptr, std::optional<Completed>)`, as `next`: nothing when all have been
/// taken. A handler without an executor runs on the strand of the runs. Cancellable by all types:
/// the runs go on, and no result is lost. Throws `Unsupported` when this was made without an
/// executor.
template <class Token>
auto AsCompleted::async_next(Token&& token) {
  return detail::initiate_on_process<detail::Signature<std::optional<Completed>>>(
      [core = shared_core()](auto handler) { detail::begin_next(core, std::move(handler)); },
      std::forward<Token>(token));
}

/// `void(std::exception_ptr, std::size_t)`, as `wait_any`, of processes of `async_start`, which may
/// live on different contexts; that of the executor must then be the last to be destroyed.
/// `([executor,] token)`. Cancellable by all types. The processes may be moved meanwhile;
/// destroyed, they count as over.
template <class... Arguments>
auto async_wait_any(const std::vector<Process*>& processes, Arguments&&... arguments) {
  return detail::initiate<detail::Signature<std::size_t>>(
      [processes = detail::shared(processes)](const detail::Executor& on, auto handler) mutable {
        detail::begin_wait_any(std::move(processes), on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

/// `void(std::exception_ptr, std::vector<Outcome>)`, as `wait_all`, but standard input stays open.
/// For the rest as `async_wait_any`.
template <class... Arguments>
auto async_wait_all(const std::vector<Process*>& processes, Arguments&&... arguments) {
  return detail::initiate<detail::Signature<std::vector<Outcome>>>(
      [processes = detail::shared(processes)](const detail::Executor& on, auto handler) mutable {
        detail::begin_wait_all(std::move(processes), on, std::move(handler));
      },
      std::forward<Arguments>(arguments)...);
}

}  // namespace treehold::inline v0
