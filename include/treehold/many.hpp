// Many programs at once: at most so many alive at a time, their results in the order of the
// commands, or one by one as they end; and waiting for several live processes together.
//
//     for (treehold::Completed& done : treehold::as_completed(compilers, 8)) {
//       std::cout << files[done.index] << ": " << done.result.value().outcome.describe() << "\n";
//     }
//
// A failed run does not disturb the others: each result is an `Output`, or the error that
// `Command::output` would have thrown. The asynchronous form is <treehold/async_many.hpp>.
#pragma once

#include <cstddef>
#include <exception>
#include <iterator>
#include <memory>
#include <optional>
#include <vector>

#include <boost/system/result.hpp>

#include <treehold/command.hpp>
#include <treehold/export.hpp>
#include <treehold/outcome.hpp>
#include <treehold/output.hpp>
#include <treehold/process.hpp>
#include <treehold/process_group.hpp>
#include <treehold/pull_range.hpp>

namespace treehold::inline v0 {

class CompletionCore;

/// What a run left, or what `Command::output` throws for it: `value()` throws that very error.
using OutputResult = boost::system::result<Output, std::exception_ptr>;

/// Runs the commands, never more than `concurrency` at a time, and returns their results in the
/// order of the commands. A start that fails has its error in its own slot, and so has a command
/// with impossible settings; the others go on.
///
/// In a group, too: a start that the group refuses (`GroupSuspended`, `GroupClosed`) has that error
/// in its slot. There a run is over, and its place is free, when its leader has exited.
///
/// Runs on the calling thread, line handlers included; there is no other. Left by an exception
/// (memory is short), it ends what is alive. May be called from any thread.
/// Throws `InvalidSetting` when `concurrency` is 0.
[[nodiscard]] TREEHOLD_EXPORT std::vector<OutputResult> output_all(std::vector<Command> commands,
                                                                   std::size_t concurrency);
[[nodiscard]] TREEHOLD_EXPORT std::vector<OutputResult> output_all(ProcessGroup& group,
                                                                   std::vector<Command> commands,
                                                                   std::size_t concurrency);

/// A run that has ended.
struct Completed {
  std::size_t index = 0;  ///< of its command
  OutputResult result;
};

/// Runs whose results are taken in the order in which they end: made by `as_completed`.
///
/// One of the synchronous form lives on a context of its own, which `next` runs: between two calls
/// nothing is started, read or timed out. One that was made with an executor goes on by itself.
///
/// Movable, not copyable; used by one thread at a time. Throws `NotOwner` in a fork of the process
/// that made it.
class TREEHOLD_EXPORT AsCompleted {
 public:
  AsCompleted(AsCompleted&& other) noexcept;
  /// Ends the runs that this object held.
  AsCompleted& operator=(AsCompleted&& other) noexcept;

  /// Kills what is alive and starts none of the rest. In the synchronous form it waits until all is
  /// gone, with a bound of five seconds; with an executor that is left to the executor, and pending
  /// operations complete. Never throws.
  ~AsCompleted();

  /// Waits for the next run that ends; nothing when all have been taken. Throws `Unsupported` when
  /// this was made with an executor.
  [[nodiscard]] std::optional<Completed> next();

  /// `void(std::exception_ptr, std::optional<Completed>)`: see <treehold/async_many.hpp>.
  template <class Token>
  auto async_next(Token&& token);

  /// One pass over what `next` returns.
  [[nodiscard]] PullRange<Completed>::Iterator begin();
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  /// For treehold itself.
  explicit AsCompleted(std::shared_ptr<CompletionCore> core);
  [[nodiscard]] const std::shared_ptr<CompletionCore>& shared_core() const;

 private:
  std::shared_ptr<CompletionCore> core_;
  PullRange<Completed> range_;
};

/// Starts the first `concurrency` of the commands; the others follow as places become free. Errors
/// are in the results, as with `output_all`. Throws `InvalidSetting` when `concurrency` is 0.
[[nodiscard]] TREEHOLD_EXPORT AsCompleted as_completed(std::vector<Command> commands,
                                                       std::size_t concurrency);
[[nodiscard]] TREEHOLD_EXPORT AsCompleted as_completed(ProcessGroup& group,
                                                       std::vector<Command> commands,
                                                       std::size_t concurrency);

/// Waits until the run of one of the processes is over, as `Command::wait_scope` says, and returns
/// its index; of several any one. How it ended tells `Process::wait`, which then does not wait;
/// what went wrong with it, `wait` throws and not this.
///
/// The others go on and nothing of them is lost: meanwhile the captured output of all is read and
/// their time-outs are kept. Standard input pipes stay open.
///
/// Each process but one is driven by a thread that ends before this returns, and in which no signal
/// handler of the host runs. Line handlers run in these threads, at the same time as each other.
/// One process alone is driven by the calling thread. The processes must stay where they are, and
/// are used by this call alone meanwhile, as by any member that waits.
/// Throws `InvalidSetting` when there is no process or one is null or was moved from, `Unsupported`
/// when one lives on the host's executor, `NotOwner`, and `std::system_error` when a thread cannot
/// be started; the processes go on then.
[[nodiscard]] TREEHOLD_EXPORT std::size_t wait_any(const std::vector<Process*>& processes);

/// Waits until the runs of all are over, in the same way; how each leader ended, in the order of
/// the processes. Closes standard input pipes that are still open, as `Process::wait` does. When a
/// run has failed (`OutputTooLarge`, a throwing line handler) it waits for the others all the same,
/// and then throws what `wait` of the first that failed throws.
TREEHOLD_EXPORT std::vector<Outcome> wait_all(const std::vector<Process*>& processes);

}  // namespace treehold::inline v0
