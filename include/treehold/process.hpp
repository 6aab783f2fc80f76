// A live child in its container.
//
//     treehold::Process bc = treehold::Command("bc").stdin_pipe().start();
//     bc.input().write_line("6*7");
//     std::optional<std::string> answer = bc.read_line(treehold::Stream::out);   // "42"
//
// The object owns its tree: destroying it kills and reaps whatever is left of a private start, and
// the leader with its descendants of a start in a group. Blocking members wait on the calling
// thread; there is no thread behind them. Time-outs of the command are therefore kept by the
// members that wait or read.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <treehold/event.hpp>
#include <treehold/export.hpp>
#include <treehold/lines.hpp>
#include <treehold/mechanism.hpp>
#include <treehold/outcome.hpp>
#include <treehold/output.hpp>
#include <treehold/pull_range.hpp>
#include <treehold/signal.hpp>
#include <treehold/stdin_writer.hpp>

namespace treehold::inline v0 {

class Command;
class GroupCore;
class ProcessCore;
class ProcessGroup;
struct Settings;

/// Movable, not copyable. One object is used by one thread at a time, except `kill`, `signal` and
/// `members`, which any thread may call while another waits.
/// Every member throws `NotOwner` in a fork of the process that started it.
class TREEHOLD_EXPORT Process {
 public:
  /// None, as one that was moved from: good for assigning to. Every member but `pid` throws
  /// `InvalidSetting`.
  Process() noexcept;
  Process(Process&& other) noexcept;
  /// Ends the tree that this object held.
  Process& operator=(Process&& other) noexcept;

  /// Kills and reaps what is left, with a bound of five seconds; never throws.
  ~Process();

  /// The leader's number. It may belong to somebody else once `outcome` is known.
  [[nodiscard]] ProcessId pid() const noexcept;

  [[nodiscard]] Mechanism mechanism() const noexcept;

  /// How the leader ended, when a waiting member has seen it.
  [[nodiscard]] std::optional<Outcome> outcome() const;

  /// Waits until the run is over, as `Command::wait_scope` says, and returns how the leader ended;
  /// a time-out of the command is an outcome. Captured output is read meanwhile, so that the child
  /// cannot block on a full pipe; it stays readable afterwards. Closes a stdin pipe that is still
  /// open. Throws `OutputTooLarge`, and what a line handler throws.
  Outcome wait();

  /// As `wait`, for at most `duration`; nothing when the run is still going on then. Leaves a stdin
  /// pipe open.
  std::optional<Outcome> wait_for(std::chrono::nanoseconds duration);

  /// Waits, and returns all that was not yet read.
  Output output();

  /// Kills the tree of this start now. Returns without waiting for it to be gone.
  void kill();

  /// Sends a signal to every member of the tree of this start; the number of members it was sent
  /// to.
  std::size_t signal(Signal signal);

  /// Ends the tree: soft signal, up to `grace` of waiting, kill. Returns when it is gone.
  /// Throws `TeardownUnconfirmed` when members outlive five seconds of being killed,
  /// `ContainmentLost` when some may have got away before.
  StopReport stop(std::chrono::nanoseconds grace);

  /// The numbers of all living members of this start's tree.
  [[nodiscard]] std::vector<ProcessId> members() const;

  /// The child's standard input.
  [[nodiscard]] StdinWriter input() const;

  /// Waits for bytes of a captured stream and returns those there are, at most `limit`; empty at
  /// its end.
  std::string read_some(Stream stream, std::size_t limit = std::size_t{64} * 1024);

  /// What waiting members have read of a captured stream and nobody has taken yet. Never waits.
  std::string take_read(Stream stream);

  /// The next line without its ending; nothing at the end of the stream. A last line without an
  /// ending is returned once. Lines end where `Command::line_ending` says.
  std::optional<std::string> read_line(Stream stream);

  /// All whole lines that are there, at least one; none at the end of the stream. For very many:
  /// they come without a string for each.
  LineBatch read_lines(Stream stream);

  /// One by one as a range: `for (std::string& line : child.lines(Stream::out))`. A slow reader
  /// holds the child back.
  [[nodiscard]] PullRange<std::string> lines(Stream stream);

  /// The next of: the start; a line of a captured stream; the end, when the run is over. Nothing
  /// after that. The lines of one stream come in their order; which of two streams was written
  /// first no pipe tells, so they take turns where both have lines. Throws as `wait`.
  std::optional<Event> next_event();

  /// The same as a range.
  [[nodiscard]] PullRange<Event> events();

  /// Everything up to the end of the stream.
  std::string read_all(Stream stream);

  // -- Asynchronous members: <treehold/async.hpp>
  // --------------------------------------------------

  template <class Token>
  auto async_wait(Token&& token);
  template <class Token>
  auto async_output(Token&& token);
  template <class Token>
  auto async_stop(std::chrono::nanoseconds grace, Token&& token);
  template <class Token>
  auto async_read_some(Stream stream, std::size_t limit, Token&& token);
  template <class Token>
  auto async_read_line(Stream stream, Token&& token);
  template <class Token>
  auto async_read_lines(Stream stream, Token&& token);
  template <class Token>
  auto async_read_all(Stream stream, Token&& token);
  template <class Token>
  auto async_next_event(Token&& token);

  /// Streams for the algorithms of Asio.
  template <class = void>
  auto stdout_pipe() const;
  template <class = void>
  auto stderr_pipe() const;
  template <class = void>
  auto stdin_pipe() const;

  /// The strand on which a process that was started asynchronously lives. `outcome`, `take_read`
  /// and what else tells its state are to be called there.
  template <class = void>
  auto get_executor() const;

  /// For treehold itself.
  explicit Process(std::shared_ptr<ProcessCore> core) noexcept;
  [[nodiscard]] const std::shared_ptr<ProcessCore>& shared_core() const;

 private:
  friend class Command;
  friend class ProcessGroup;
  [[nodiscard]] static Process begin(const Settings& settings,
                                     const std::shared_ptr<GroupCore>& group);
  [[nodiscard]] ProcessCore& core() const;

  std::shared_ptr<ProcessCore> core_;
};

}  // namespace treehold::inline v0
