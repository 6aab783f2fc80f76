// What to run. A `Command` is a value: it holds no resource, can be copied and used any number of
// times, and starts nothing until a verb is called.
//
//     std::string head = treehold::Command("git", {"rev-parse", "HEAD"}).run();
//     treehold::Output made = treehold::Command("make", {"-j8"}).timeout(10min).output();
//
// Every run is contained: when the verb returns or throws, the program and everything it has
// spawned have ended. Unless said otherwise a command inherits the host's environment and working
// directory, reads end-of-file from standard input, and has standard output and standard error
// captured. Nothing else is inherited: descriptors above 2 are closed, the signal mask is empty,
// dispositions are default.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/system/error_code.hpp>

#include <treehold/export.hpp>
#include <treehold/limits.hpp>
#include <treehold/lines.hpp>
#include <treehold/output.hpp>
#include <treehold/process.hpp>
#include <treehold/signal.hpp>

namespace treehold::inline v0 {

struct Settings;

/// One argument; converts from strings and paths, so that `{"-q", path}` is a list of two.
class TREEHOLD_EXPORT Argument {
 public:
  template <class Text>
  requires std::is_convertible_v<const Text&, std::string_view> Argument(const Text& text)
      : text_(std::string_view(text)) {}        // NOLINT: implicit by design
  Argument(const std::filesystem::path& path);  // NOLINT: implicit by design

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  std::string text_;
};

/// What happens to output above an `OutputLimit`.
enum class OverflowPolicy {
  keep_first,  ///< the rest is read and dropped; `Output::truncated` is set
  keep_last,   ///< the oldest is dropped; `Output::truncated` is set
  fail,        ///< the tree is ended and the run throws `OutputTooLarge`
};

/// A cap for each captured stream. Memory stays bounded whatever the child prints; under a cap on
/// lines alone a line counts as at most 64 KiB.
struct OutputLimit {
  std::optional<std::size_t> bytes = std::nullopt;
  std::optional<std::size_t> lines = std::nullopt;
  OverflowPolicy policy = OverflowPolicy::keep_first;
};

/// When a run is over.
enum class WaitScope {
  leader,  ///< when the leader exits: what is left of a private tree is killed then
  tree,    ///< when the last member has gone
};

/// Resources of `setrlimit(2)`.
enum class Resource {
  address_space,
  core_file_size,
  cpu_seconds,
  data_segment,
  file_size,
  locked_memory,
  open_files,
  processes,
  stack,
};

/// No bound, for `Command::resource_limit`.
inline constexpr std::uint64_t unlimited = ~std::uint64_t{0};

/// Takes a copy of a stream as it comes, piece by piece. `bytes` stay until `done` is called, with
/// an error or none; until then nothing more is read, which holds the child back. `done` may be
/// called from any thread, at once or later.
using TeeSink = std::function<void(std::string_view bytes,
                                   std::function<void(boost::system::error_code)> done)>;

class TREEHOLD_EXPORT Command {
 public:
  /// `program` is a path when it contains a '/' (on Windows also a '\\' or a drive; a relative one
  /// is taken from the host's working directory, whatever `current_dir` says); otherwise it is
  /// searched in the PATH that the child gets, never in the current directory.
  explicit Command(const Argument& program);
  Command(const Argument& program, std::initializer_list<Argument> arguments);

  /// As above, with the arguments from any range of strings.
  template <class Range>
  requires requires(const Range& range) {
    Argument(*std::begin(range));
  } &&(!std::is_convertible_v<const Range&, std::string_view>)Command(const Argument& program,
                                                                      const Range& arguments)
      : Command(program) {
    args(arguments);
  }

  Command(const Command& other);
  Command(Command&& other) noexcept;
  Command& operator=(const Command& other);
  Command& operator=(Command&& other) noexcept;
  ~Command();

  // -- Arguments ---------------------------------------------------------------------------------

  /// Adds one argument.
  Command& arg(const Argument& argument);

  /// Adds arguments.
  Command& args(std::initializer_list<Argument> arguments);
  template <class Range>
  requires requires(const Range& range) {
    Argument(*std::begin(range));
  } &&(!std::is_convertible_v<const Range&, std::string_view>)
      Command& args(const Range& arguments) {
    for (const auto& argument : arguments) {
      arg(Argument(argument));
    }
    return *this;
  }

  /// The name the program sees as its own (`argv[0]`); default: the program as given.
  Command& arg0(std::string name);

  // -- Surroundings ------------------------------------------------------------------------------

  /// Working directory of the child. A directory that does not exist is a `SpawnFailed` of the
  /// stage `working_directory`, never "program not found".
  Command& current_dir(std::filesystem::path directory);

  /// Sets a variable for the child.
  Command& env(std::string name, std::string value);

  /// Removes a variable that would be inherited or was set before.
  Command& env_remove(std::string name);

  /// The child inherits no variable; forgets what was set before. `env` adds to the empty set.
  Command& env_clear();

  /// The child inherits these variables and no others. May be called again to allow more.
  Command& env_inherit_only(std::initializer_list<std::string_view> names);

  // -- Standard input: end-of-file unless one of these is chosen. Two different ones are refused.
  // ---

  Command& stdin_null();                    ///< the default: end-of-file; undoes the others
  Command& stdin_bytes(std::string bytes);  ///< fed while output is read
  /// The same without a copy, for much: runs and copies of the command share it.
  Command& stdin_bytes(std::shared_ptr<const std::string> bytes);
  Command& stdin_file(std::filesystem::path file);  ///< opened at the start
  Command& stdin_inherit();                         ///< the host's own
  Command& stdin_pipe();  ///< written through `Process::input`; only for `start`

  // -- Standard output and error: captured unless one of these is chosen. Two different ones are
  // refused.

  Command& stdout_capture();
  Command& stdout_null();
  Command& stdout_inherit();
  Command& stdout_file(
      std::filesystem::path file);  ///< created or truncated (mode 0666 less umask)
  Command& stdout_append(std::filesystem::path file);  ///< created or appended to
  Command& stderr_capture();
  Command& stderr_null();
  Command& stderr_inherit();
  Command& stderr_file(std::filesystem::path file);
  Command& stderr_append(std::filesystem::path file);
  Command& stderr_to_stdout();  ///< into the very same description, so that the order is kept

  /// Caps what is kept of each captured stream; without it everything is kept.
  Command& output_limit(OutputLimit limit);

  /// Called for each line of the stream, which must be captured. A last line without an ending is
  /// delivered once. Called on the thread that waits.
  Command& on_stdout_line(LineHandler handler);
  Command& on_stderr_line(LineHandler handler);

  /// Copies the stream, which must be captured, byte for byte into a file (created or truncated,
  /// mode 0666 less umask) or a sink (`tee_into` of <treehold/async.hpp> makes one of any
  /// AsyncWriteStream). One that cannot be opened is a `SpawnFailed` before anything is started.
  /// One that fails later takes no more, and the run goes on: `Output` has the error, verbs that
  /// return no `Output` throw `TeeFailed` after a success. A sink that is not done when the run has
  /// been drained has failed with `timed_out`.
  Command& stdout_tee(std::filesystem::path file);
  Command& stdout_tee(TeeSink sink);
  Command& stderr_tee(std::filesystem::path file);
  Command& stderr_tee(TeeSink sink);

  /// Where lines end, for handlers, `Process::read_line` and events; default `LineEnding::newline`.
  /// What is kept of a stream is never changed by it.
  Command& line_ending(LineEnding ending);

  // -- Time -------------------------------------------------------------------------------------

  /// Ends the tree when the run lasts longer. `output` tells it as data, the other verbs throw
  /// `TimedOut`.
  Command& timeout(std::chrono::nanoseconds duration);

  /// Ends the tree when nothing came out of a captured stream for that long.
  Command& inactivity_timeout(std::chrono::nanoseconds duration);

  /// Before a time-out kills the tree, every member is sent the soft signal and given this long.
  Command& timeout_grace(std::chrono::nanoseconds grace);

  /// The same before a cancelled asynchronous operation kills the tree (<treehold/async.hpp>).
  Command& cancel_grace(std::chrono::nanoseconds grace);

  /// The soft signal; default `Signal::terminate`.
  Command& soft_signal(Signal signal);

  /// When the run is over; default `WaitScope::leader`.
  Command& wait_scope(WaitScope scope);

  /// In a shared group descendants may hold the captured streams open after the leader's exit: how
  /// long they are still read, both together; default 100 ms. Then `Output::incomplete` is set.
  Command& drain_grace(std::chrono::nanoseconds grace);

  /// That the tree ends with the host: always so, as far as `Guarantees::survives_host_kill` holds.
  /// With false, for a child that is to stay, the verbs throw `Unsupported`: treehold starts
  /// nothing outside of its containers. A service manager does (systemd-run), or Boost.Process.
  Command& kill_on_host_death(bool kill = true);

  // -- Limits of a private run; in a group those of the group hold, and these are refused
  // -----------

  /// What the whole tree of the run may use together. The verbs throw `LimitRefused` when one
  /// cannot be held. `Output` has the evidence.
  Command& limits(Limits limits);

  /// Counts what the whole tree uses, for `Output::statistics`; implied by limits.
  Command& accounting();

  // -- Success ----------------------------------------------------------------------------------

  /// The exit codes that count as success for `run` and `checked`; default {0}.
  Command& accept_exit_codes(std::initializer_list<int> codes);

  // -- POSIX; `Unsupported` elsewhere -------------------------------------------------------------

  Command& uid(
      std::uint32_t user);  ///< real, effective and saved; needs the privilege to change it
  Command& gid(std::uint32_t group);  ///< the same; groups are dropped unless given with `groups`
  Command& groups(std::vector<std::uint32_t> supplementary);
  Command& umask(std::uint32_t mask);
  Command& new_session();  ///< setsid(2): no controlling terminal
  /// setrlimit(2); `soft` must not exceed `hard`. `unlimited` lifts a bound.
  Command& resource_limit(Resource resource, std::uint64_t soft, std::uint64_t hard);
  Command& nice(int value);  ///< absolute, -20 to 19
  Command& cpu_affinity(std::vector<unsigned> cpus);
  /// -1000 to 1000: how readily the kernel kills it when memory runs out (proc(5)). A negative one
  /// of the host is not inherited: the default is then 0.
  Command& oom_score_adj(int value);
  Command& no_new_privileges();  ///< prctl(2) PR_SET_NO_NEW_PRIVS

  // -- Windows; `Unsupported` elsewhere -----------------------------------------------------------

  /// A console program gets no window (CREATE_NO_WINDOW).
  Command& create_no_window();

  /// The leader is the first of a console process group, and the soft signal reaches that as a
  /// CTRL_BREAK; without it programs without a window get none. It ignores CTRL_C then
  /// (CREATE_NEW_PROCESS_GROUP).
  Command& new_process_group();

  // -- Asking without starting -------------------------------------------------------------------

  /// The path that a verb would execute, found without starting anything.
  /// Throws `ProgramNotFound` with the places searched, or `SpawnFailed` (`execute`, EACCES) when
  /// all there is cannot be executed.
  [[nodiscard]] std::filesystem::path resolve_program() const;

  /// Checks all settings as a verb would; throws `InvalidSetting`.
  void validate() const;

  /// The command line as it could be typed into a POSIX shell, arguments included: it may show
  /// secrets.
  [[nodiscard]] std::string display_command_line() const;

  /// For logs: the program, the number of arguments and the names of variables, never a value.
  [[nodiscard]] std::string debug_string() const;

  // -- Verbs. Each may be called from any thread; none changes the command.
  // -------------------------
  //
  // All throw `InvalidSetting`, `ProgramNotFound`, `SpawnFailed`; then what stands at each.

  /// Runs; success is required. Returns standard output less its trailing newlines.
  /// Throws `NonZeroExit`, `Signalled`, `TimedOut`, `OutputTooLarge`, `ExitStatusLost`,
  /// `TeeFailed`.
  std::string run() const;

  /// Runs; any end of the leader is data. Throws `OutputTooLarge`.
  Output output() const;

  /// Like `output`, success required. Throws what `run` throws.
  Output checked() const;

  /// Runs; the leader's exit code. Throws `Signalled`, `TimedOut`, `OutputTooLarge`,
  /// `ExitStatusLost`: never a made-up code; `TeeFailed`.
  int exit_code() const;

  /// Runs a question: exit code 0 is true, 1 is false, anything else throws what `run` throws.
  bool probe() const;

  /// Starts and returns as soon as the program is being executed; a failed start throws. The
  /// private tree ends with the process object.
  Process start() const;

  // -- Asynchronous verbs: <treehold/async.hpp> ---------------------------------------------------

  template <class... Arguments>
  auto async_run(Arguments&&... arguments) const;
  template <class... Arguments>
  auto async_output(Arguments&&... arguments) const;
  template <class... Arguments>
  auto async_checked(Arguments&&... arguments) const;
  template <class... Arguments>
  auto async_exit_code(Arguments&&... arguments) const;
  template <class... Arguments>
  auto async_probe(Arguments&&... arguments) const;
  template <class... Arguments>
  auto async_start(Arguments&&... arguments) const;

  /// The settings, for treehold itself.
  [[nodiscard]] const Settings& settings() const noexcept { return *settings_; }

 private:
  std::unique_ptr<Settings> settings_;
};

}  // namespace treehold::inline v0
