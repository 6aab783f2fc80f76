// All that treehold asks of an operating system. `src/` sees this header and nothing below it; each
// system implements it in a folder of its own, and CMake picks the folder.
//
// A `Group` contains `Leaf`s, one a start. Both are `Tree`s: sets of processes that the kernel
// keeps together, with the primitive steps (deliver a signal, kill once, remove once) from which
// `src/stop_ladder.cpp` makes signalling, stopping and tearing down. No step waits; what may take
// time is an event to be awaited. Everything here throws classes of `treehold/error.hpp`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/any_io_executor.hpp>
#include <boost/system/error_code.hpp>

#include <treehold/error.hpp>
#include <treehold/guardian.hpp>
#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>
#include <treehold/outcome.hpp>
#include <treehold/placement.hpp>
#include <treehold/signal.hpp>
#include <treehold/statistics.hpp>
#include <treehold/sweep.hpp>

namespace treehold::inline v0 {

struct SpawnPlan;

namespace platform {

using Executor = boost::asio::any_io_executor;

/// Called once. Moved by construction only: in Boost 1.81 its move assignment calls itself without
/// end.
template <class... Arguments>
using Handler = boost::asio::any_completion_handler<void(Arguments...)>;

/// Tells that the state of a tree may have changed; the state itself is asked of the tree.
class ChangeWatch {
 public:
  virtual ~ChangeWatch() = default;
  virtual void async_changed(Handler<boost::system::error_code> handler) = 0;
  virtual void cancel() = 0;
};

/// How a signal went to a tree.
struct Delivery {
  std::size_t members = 0;         ///< that were sent it
  std::size_t console_breaks = 0;  ///< of these: as CTRL_BREAK
  std::size_t window_closes = 0;   ///< of these: as WM_CLOSE
};

/// Processes that the kernel keeps together. All members may be called from any thread.
class Tree {
 public:
  virtual ~Tree() = default;

  /// Living members with their descendants, in no order; a zombie is not alive.
  [[nodiscard]] virtual std::vector<ProcessId> members() const = 0;

  /// Whether no member is alive.
  [[nodiscard]] virtual bool empty() const = 0;

  /// Asks that no member runs until `thaw`; `frozen` tells when it is so.
  virtual void freeze() = 0;
  virtual void thaw() = 0;
  [[nodiscard]] virtual bool frozen() const = 0;

  /// Whether freezing is invisible to the members, so that it may be used to make a signal reach
  /// all.
  [[nodiscard]] virtual bool freezes_atomically() const noexcept = 0;

  /// Sends a signal (the system's number) to every member.
  virtual Delivery deliver(int native_signal) = 0;

  /// One round of killing. Members that join afterwards survive it: repeat until `remove`.
  virtual void kill() noexcept = 0;

  /// Takes the kernel object away, and what zombies of it fell to this process. False while members
  /// are left; to be tried again then. Idempotent.
  virtual bool remove() noexcept = 0;

  /// Whether a member has got away, or ended what held it, so that who is left may not be all there
  /// is. Sure only when the tree has been removed.
  [[nodiscard]] virtual bool lost() const noexcept { return false; }

  /// Events of this tree; null where the system has none and the state must be asked again.
  [[nodiscard]] virtual std::shared_ptr<ChangeWatch> watch(const Executor& executor) = 0;
};

/// Why a start failed, as the child told it.
struct SpawnFailure {
  SpawnStage stage = SpawnStage::launch;
  boost::system::error_code code;
};

struct ExitStatus {
  Outcome outcome;  ///< exited, signalled or unknown
  std::optional<ResourceUse> resource_use;
};

/// Notices of a leader's life. Bound to an executor; used by one thread at a time. Destroying it
/// drops the handlers.
class LeaderWatch {
 public:
  virtual ~LeaderWatch() = default;

  /// Completes when the program is being executed (nothing), when the start failed, or when the
  /// child was ended before either (nothing; the exit status tells). Cancelled: never completes
  /// before destruction.
  virtual void async_started(Handler<std::optional<SpawnFailure>> handler) = 0;

  /// Completes with the exit status once the whole leader (all its threads) has ended. It is not
  /// reaped before `Leaf::leader_seen`.
  virtual void async_exited(Handler<ExitStatus> handler) = 0;
};

/// The host's end of a child's standard input. Bound to an executor. Destroying it closes it.
class InputPipe {
 public:
  virtual ~InputPipe() = default;

  /// Completes with the number of bytes taken, or EPIPE when nobody reads any more; never raises
  /// SIGPIPE in the host. `bytes` must stay until then.
  virtual void async_write_some(std::string_view bytes,
                                Handler<boost::system::error_code, std::size_t> handler) = 0;
};

/// The host's end of a child's standard output or error. Bound to an executor. Destroying it closes
/// it; what is pending then is dropped, or completes with an error.
class OutputPipe {
 public:
  virtual ~OutputPipe() = default;

  /// Completes with the number of bytes read, one at least, or with an error at the end. One at a
  /// time. `buffer` must stay until then, or until this is destroyed.
  virtual void async_read_some(char* buffer, std::size_t size,
                               Handler<boost::system::error_code, std::size_t> handler) = 0;

  /// Has a pending read complete, with an error or with what it has taken by now.
  virtual void cancel() noexcept = 0;

  /// Reads what the pipe holds now, without waiting; with no read pending. How much, 0 at its end,
  /// nothing when there is none.
  [[nodiscard]] virtual std::optional<std::size_t> read_now(char* buffer,
                                                            std::size_t size) noexcept = 0;

  /// Reads came back full: let the kernel buffer more, if it will.
  virtual void widen() noexcept = 0;
};

/// A file that takes bytes.
class OutputFile {
 public:
  virtual ~OutputFile() = default;

  /// Writes all of `bytes`, or tells why not; raises no signal. Never waits for a reader: where
  /// there is no room (a FIFO) it fails.
  [[nodiscard]] virtual boost::system::error_code write(std::string_view bytes) noexcept = 0;
};

/// Creates or truncates a file (mode 0666 less umask). Throws `boost::system::system_error`.
[[nodiscard]] std::unique_ptr<OutputFile> create_file(const std::string& path);

/// What the host holds of a start.
struct Launched {
  ProcessId pid = 0;
  std::unique_ptr<LeaderWatch> leader;
  std::unique_ptr<InputPipe> standard_input;
  std::unique_ptr<OutputPipe> standard_output;
  std::unique_ptr<OutputPipe> standard_error;
};

/// The container of one start.
class Leaf : public Tree {
 public:
  /// Starts the leader inside this leaf; once a leaf. The caller is not held up by the program's
  /// exec. Throws `SpawnFailed` (`launch`, `container`), `ProcessLimitReached`.
  virtual Launched launch(const std::shared_ptr<const SpawnPlan>& plan,
                          const Executor& executor) = 0;

  /// The exit status was read: the leader may be reaped as soon as the mechanism allows.
  virtual void leader_seen() noexcept = 0;

  /// After a fork of the host: forget the processes and only close descriptors on destruction.
  virtual void disown() noexcept = 0;
};

/// What a group is made with.
struct GroupSettings {
  Limits limits;
  bool accounting = false;
  std::string cgroup;  ///< directory to make it in; empty: as the mechanism finds one
};

/// How often the kernel has killed members for want of memory.
struct MemoryKills {
  std::uint64_t at_own_limit = 0;
  std::uint64_t outside = 0;
};

/// The container of a group.
class Group : public Tree {
 public:
  [[nodiscard]] virtual Mechanism mechanism() const noexcept = 0;
  [[nodiscard]] virtual Guarantees guarantees() const = 0;

  /// A fresh leaf. Throws `SpawnFailed` (`container`).
  [[nodiscard]] virtual std::shared_ptr<Leaf> make_leaf() = 0;

  /// Replaces what limits the group, which is `before`: all or nothing. Throws `LimitRefused`. One
  /// call at a time.
  virtual void update_limits(const Limits& before, const Limits& wanted) = 0;

  [[nodiscard]] virtual Statistics statistics() const = 0;
  /// Of a group that `limits` limit.
  [[nodiscard]] virtual LimitEvidence evidence(const Limits& limits) const = 0;
  [[nodiscard]] virtual MemoryKills memory_kills() const = 0;

  /// Some leaves of this group as one tree: to end what it holds without ending the group.
  [[nodiscard]] virtual std::shared_ptr<Tree> tree_of(
      const std::vector<std::shared_ptr<Leaf>>& leaves) = 0;

  virtual void disown() noexcept = 0;
};

/// Makes a group's container. Throws `Unsupported` where the mechanism is not available, with the
/// reason; `LimitRefused`.
[[nodiscard]] std::shared_ptr<Group> make_group(Mechanism mechanism, const GroupSettings& settings);

/// See <treehold/placement.hpp>.
void move_host_into_leaf();
void move_host_into_scope(const ScopeOptions& options);

/// See <treehold/guardian.hpp>.
[[nodiscard]] GuardianPolicy guardian_policy();
void set_guardian_policy(GuardianPolicy policy);

/// See <treehold/sweep.hpp>.
[[nodiscard]] std::vector<StaleGroups> sweep_stale_groups(const SweepOptions& options);

/// The best mechanism that is available here. Starts and makes nothing.
[[nodiscard]] std::optional<Mechanism> default_mechanism();

/// The mechanisms this system knows, best first, each as it stands here. Starts and makes nothing.
[[nodiscard]] std::vector<MechanismReport> mechanism_reports();

/// The release of the running kernel.
[[nodiscard]] std::string kernel_release();

/// Differs from every value this function gave in a process of which this one is a fork.
[[nodiscard]] std::uint64_t incarnation() noexcept;

/// NAME=value of this process, and one variable of it.
[[nodiscard]] std::vector<std::string> environment();
[[nodiscard]] std::optional<std::string> environment_variable(const std::string& name);

/// A thread in which no signal handler of the host ever runs: it is born with every signal blocked
/// but those that a fault of its own raises. Throws `std::system_error`.
[[nodiscard]] std::thread quiet_thread(std::function<void()> body);

/// Two names are of one variable when these are equal.
[[nodiscard]] std::string variable_key(std::string_view name);

/// Where programs are searched when the child has no PATH, and what separates the places of one.
[[nodiscard]] std::string default_search_path();
[[nodiscard]] char search_path_separator() noexcept;

/// The files that `path` may mean as a program, in the order in which they are looked for.
[[nodiscard]] std::vector<std::string> program_files(const std::string& path);

/// What a path is worth as a program.
enum class Executability { missing, forbidden, executable };
[[nodiscard]] Executability executability(const std::string& path) noexcept;

/// Throws what a verb throws for settings that this system does not have (`Unsupported`) or cannot
/// carry out (`InvalidSetting`). Of a plan without a program looks at the other settings alone.
void require_supported(const SpawnPlan& plan);

/// Throws `LimitRefused` for limits that this system does not have with any mechanism.
void require_supported(const Limits& limits);

/// Whether a program can end with it.
[[nodiscard]] bool is_exit_code(int code) noexcept;

/// The system's number of a signal; nothing when this system has no such signal.
[[nodiscard]] std::optional<int> native_number(Signal signal) noexcept;

/// For showing trees to people.
struct ProcessInfo {
  ProcessId pid = 0;
  ProcessId parent = 0;
  std::string name;
};
[[nodiscard]] std::optional<ProcessInfo> inspect(ProcessId pid);

}  // namespace platform
}  // namespace treehold::inline v0
