// The run engine: one start, from launching the leader until its tree has ended and its output is
// complete.
//
// Written once, against an executor. A synchronous verb runs it on a context of its own, an
// asynchronous one on a strand of the host's. It is used by one thread at a time, except `kill`,
// `leaf` and `pid`.
//
// Whoever wants something of it waits with `when`. Captured streams are read while anybody waits;
// else the child is held back as soon as its pipe is full, so that memory stays flat for a reader
// who is slower than the child.
//
//     launch ──▶ running ──▶ leader gone, or out of time ──▶ tree ended ──▶ streams at their end
//     ──▶ finished
//
// What goes wrong on the way (a failed exec, a throwing handler, too much output) is kept, the tree
// is ended, and the result tells when all is over: nothing is reported before it is dead.
#pragma once

#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/steady_timer.hpp>

#include <treehold/output.hpp>
#include <treehold/process.hpp>

#include "platform/platform.hpp"
#include "src/capture.hpp"
#include "src/group_core.hpp"
#include "src/settings.hpp"
#include "src/stop_ladder.hpp"
#include "src/tee.hpp"
#include "src/waiters.hpp"

namespace treehold::inline v0 {

/// What a run needs besides the start itself.
struct RunPlan {
  explicit RunPlan(const Settings& settings);

  /// Of a private run that is limited or counted; the others share one.
  std::optional<GroupOptions> own_group;

  std::shared_ptr<const SpawnPlan> spawn;
  std::string program;  ///< as it was given, for messages
  std::shared_ptr<const std::string> input;
  LineEnding line_ending;
  LineHandler stdout_handler;
  LineHandler stderr_handler;
  TeeSettings stdout_tee;
  TeeSettings stderr_tee;
  OutputLimit output_limit;
  std::optional<Duration> timeout;
  std::optional<Duration> inactivity_timeout;
  Duration timeout_grace;
  Duration cancel_grace;
  int soft_signal;
  WaitScope wait_scope;
  Duration drain_grace;
};

class Execution : public std::enable_shared_from_this<Execution> {
 public:
  /// Launches the leader and begins to wait for all that follows: in the group, where descendants
  /// live on, or in a private tree, which ends with its leader, when there is none. Throws
  /// `NotOwner`, and what `Settings::plan` and `GroupCore::start` throw.
  [[nodiscard]] static std::shared_ptr<Execution> start(const platform::Executor& executor,
                                                        const Settings& settings,
                                                        const std::shared_ptr<GroupCore>& group);

  /// Dropped before it has finished (its context is destroyed): ends the tree, within the teardown
  /// bound.
  ~Execution();
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  /// Tells the waiter as soon as its condition holds, at once if it does. The conditions are looked
  /// at after everything that happens, in the order in which the waiters came. See `async_result`.
  void when(const std::shared_ptr<Waiter>& waiter);

  /// Gives a wait up, unless the waiter has been told.
  void abandon(const std::shared_ptr<Waiter>& waiter);

  /// Whether the program is being executed, or the start has failed.
  [[nodiscard]] bool start_known() const noexcept { return start_known_; }
  [[nodiscard]] bool start_failed() const noexcept { return start_failed_; }

  [[nodiscard]] bool finished() const noexcept { return finished_; }

  /// How the leader ended, as far as it is known by now.
  [[nodiscard]] std::optional<Outcome> outcome() const;

  /// Of a finished run: throws what went wrong.
  void rethrow_error() const;

  /// Of a finished run: everything but what was read before. Throws what went wrong.
  [[nodiscard]] Output take_result();

  /// Ends the tree, softly first when a grace is given, and then finishes.
  void end_tree(std::optional<Duration> grace);

  /// Ends the tree as the cancellation of the whole run asks for, and fails with `Cancelled`.
  /// Changes nothing when the run has come to its own end before.
  void cancel();

  /// What ending the tree took, if it had to be ended.
  [[nodiscard]] const std::optional<StopReport>& stop_report() const noexcept {
    return stop_report_;
  }

  /// Kills the tree once, from any thread; the rest follows by itself.
  void kill() noexcept;

  [[nodiscard]] ProcessId pid() const noexcept { return pid_; }
  [[nodiscard]] const std::shared_ptr<platform::Leaf>& leaf() const noexcept { return leaf_; }
  [[nodiscard]] GroupCore& group() const noexcept { return *group_; }

  /// A captured stream; null when it is not captured.
  [[nodiscard]] Capture* capture(Stream stream) noexcept;

  /// Writes all of `bytes`, which must stay until the handler is called, to an open stdin pipe,
  /// after what was begun before.
  void async_write(std::string_view bytes, platform::Handler<boost::system::error_code> handler);
  /// How many writes have been begun and how many are done, whether well or not.
  [[nodiscard]] std::uint64_t writes_begun() const noexcept { return writes_begun_; }
  [[nodiscard]] std::uint64_t writes_done() const noexcept {
    return writes_begun_ - writes_.size();
  }
  /// Closes a stdin pipe when all that was begun is written; nothing more can be begun.
  void close_input() noexcept;
  /// Closes it at once; what is being written fails.
  void cut_input() noexcept;

 private:
  struct Reader {
    Reader(const RunPlan& plan, LineHandler handler)
        : capture(plan.output_limit, plan.line_ending, std::move(handler)) {}
    std::unique_ptr<platform::OutputPipe> pipe;
    std::vector<char> buffer;
    Capture capture;
    std::shared_ptr<Tee> tee;
    bool captured = false;
    bool reading = false;
    bool ends = false;  ///< behind the pending read
  };

  Execution(const platform::Executor& executor, RunPlan plan,
            const std::shared_ptr<GroupCore>& group);

  struct Write {
    std::string_view rest;
    platform::Handler<boost::system::error_code> handler;
  };

  void launch();
  void write_next();
  void wrote(const boost::system::error_code& error, std::size_t count);
  [[nodiscard]] std::shared_ptr<Tee> open_tee(Stream stream) const;
  void open(Reader& reader, std::unique_ptr<platform::OutputPipe> pipe);
  void read(Reader& reader);
  void keep(Reader& reader, std::size_t count);
  void received(Reader& reader, const boost::system::error_code& error, std::size_t count);
  void close(Reader& reader);
  void watch_deadline();
  void watch_inactivity();
  void out_of_time(const Outcome& verdict);
  void leader_started(const std::optional<platform::SpawnFailure>& failure);
  void leader_exited(const platform::ExitStatus& status);
  void wait_for_tree();
  void climb_ladder(std::optional<int> soft_signal, Duration grace);
  void tree_ended(StopReport report);
  void drain(Clock::time_point end, Duration pause);
  void cut(Reader& reader);
  void take(Reader& reader, std::size_t count);
  [[nodiscard]] bool copy(Reader& reader, std::size_t count);
  void fail(std::exception_ptr error);
  [[nodiscard]] Output take_output();
  void settle();
  void finish();
  [[nodiscard]] bool reads() const noexcept { return !waiters_.empty() || draining_; }
  [[nodiscard]] bool is_over() const noexcept;
  [[nodiscard]] Outcome with_cause(const Outcome& outcome) const;
  [[nodiscard]] std::exception_ptr start_error(const platform::SpawnFailure& failure) const;

  const platform::Executor executor_;
  const RunPlan plan_;
  const std::shared_ptr<GroupCore> group_;
  const bool private_tree_;
  const Clock::time_point begin_ = Clock::now();

  ProcessId pid_ = 0;
  platform::MemoryKills memory_kills_;  ///< before the start
  std::shared_ptr<platform::Leaf> leaf_;
  std::unique_ptr<platform::LeaderWatch> leader_;
  std::unique_ptr<platform::InputPipe> input_;
  std::deque<Write> writes_;  ///< the first one is in progress
  std::uint64_t writes_begun_ = 0;
  bool input_ends_ = false;  ///< nothing more is to be written
  Reader stdout_;
  Reader stderr_;
  boost::asio::steady_timer deadline_;
  boost::asio::steady_timer inactivity_;
  boost::asio::steady_timer drain_;
  Clock::time_point last_activity_ = begin_;
  // Weak: what is pending holds them, and they hold this.
  std::weak_ptr<StopLadder> ladder_;
  std::weak_ptr<TreeWait> tree_wait_;

  Waiters waiters_;

  bool start_known_ = false;
  bool start_failed_ = false;
  bool overflowed_ = false;
  bool tree_ended_ = false;
  bool incomplete_ = false;
  bool draining_ = false;
  bool climbing_ = false;  ///< the stop ladder
  bool finished_ = false;
  std::optional<platform::ExitStatus> exit_;
  std::optional<Outcome> verdict_;  ///< the end that treehold made: a time-out
  std::optional<StopReport> stop_report_;
  std::optional<Statistics> statistics_;
  std::optional<LimitEvidence> limit_evidence_;
  std::exception_ptr error_;
  Clock::time_point end_ = begin_;
};

}  // namespace treehold::inline v0
