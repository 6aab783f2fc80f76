// Everything that can go wrong, one class a reason, each with its facts.
//
// There is no second error channel: functions of treehold return what they promise or throw a class
// from here. `what()` is one line with control characters escaped; arguments and environment never
// appear in it. Catch `treehold::Error` for all, or the class you can act on.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <treehold/export.hpp>
#include <treehold/outcome.hpp>
#include <treehold/output.hpp>

namespace treehold::inline v0 {

/// Reasons, for code that compares `Error::code()`. Where the kernel gave an errno, `code()` is
/// that errno in the system category instead.
enum class Errc {
  invalid_setting = 1,
  program_not_found,
  non_zero_exit,
  signalled,
  timed_out,
  output_too_large,
  unsupported,
  teardown_unconfirmed,
  group_suspended,
  group_closed,
  not_owner,
  exit_status_lost,
  tee_failed,
  limit_refused,
  containment_lost,
};

/// The category of `Errc`, named "treehold".
[[nodiscard]] TREEHOLD_EXPORT const boost::system::error_category& error_category() noexcept;

[[nodiscard]] TREEHOLD_EXPORT boost::system::error_code make_error_code(Errc reason) noexcept;

/// Root of all errors of treehold. Copyable without throwing, like every exception class below.
class TREEHOLD_EXPORT Error : public boost::system::system_error {
 public:
  Error(boost::system::error_code code, const std::string& message);
  ~Error() override;

  /// One line; control characters are escaped.
  [[nodiscard]] const char* what() const noexcept override;

 private:
  std::shared_ptr<const std::string> message_;
};

/// A setting of a command or group is impossible, or two contradict each other. Nothing was
/// started.
class TREEHOLD_EXPORT InvalidSetting : public Error {
 public:
  InvalidSetting(std::string setting, const std::string& problem);
  ~InvalidSetting() override;

  /// Which setting, by the name of its function ("timeout", "env").
  [[nodiscard]] const std::string& setting() const noexcept { return *setting_; }

 private:
  std::shared_ptr<const std::string> setting_;
};

/// The program does not exist where it was looked for. Nothing was started.
class TREEHOLD_EXPORT ProgramNotFound : public Error {
 public:
  ProgramNotFound(std::string program, std::vector<std::string> searched);
  ~ProgramNotFound() override;

  [[nodiscard]] const std::string& program() const noexcept;

  /// The paths that were tried, in order.
  [[nodiscard]] const std::vector<std::string>& searched() const noexcept;

 private:
  struct Facts;
  std::shared_ptr<const Facts> facts_;
};

/// The step of a start that failed.
enum class SpawnStage {
  launch,             ///< making pipes or the process itself
  container,          ///< entering the container
  session,            ///< setsid(2), setpgid(2)
  standard_input,     ///< opening or wiring standard input
  standard_output,    ///< the same for standard output
  standard_error,     ///< the same for standard error
  resource_limits,    ///< setrlimit(2)
  priority,           ///< setpriority(2)
  oom_score,          ///< writing /proc/self/oom_score_adj
  affinity,           ///< sched_setaffinity(2)
  credentials,        ///< setgroups(2), setresgid(2), setresuid(2), no_new_privs
  working_directory,  ///< chdir(2)
  execute,            ///< execve(2)
};

/// "working directory", "execute", …
[[nodiscard]] TREEHOLD_EXPORT std::string_view to_string(SpawnStage stage) noexcept;

/// The kernel refused a step of the start; `code()` is its errno. No process is left.
class TREEHOLD_EXPORT SpawnFailed : public Error {
 public:
  SpawnFailed(SpawnStage stage, boost::system::error_code code, const std::string& subject);
  ~SpawnFailed() override;

  [[nodiscard]] SpawnStage stage() const noexcept { return stage_; }

 private:
  SpawnStage stage_;
};

/// Whose limit of processes it was.
enum class ProcessLimitOwner {
  group,     ///< `Limits::processes` of the group
  ancestor,  ///< a cgroup above the group
  user,      ///< RLIMIT_NPROC of the user
  system,    ///< kernel.threads-max or kernel.pid_max, as none of the others is reached
};

/// The kernel refused one more process (EAGAIN); no process is left.
class TREEHOLD_EXPORT ProcessLimitReached : public SpawnFailed {
 public:
  /// `place` is the cgroup, or the name of the limit.
  ProcessLimitReached(ProcessLimitOwner owner, const std::string& place);
  ~ProcessLimitReached() override;

  [[nodiscard]] ProcessLimitOwner owner() const noexcept { return owner_; }

 private:
  ProcessLimitOwner owner_;
};

/// Why a limit is refused.
enum class LimitProblem {
  invalid,        ///< the value makes no sense
  unsupported,    ///< this system or mechanism does not have it
  unenforceable,  ///< the kernel has it, but it cannot be held here
};

/// "invalid", "unsupported", "unenforceable".
[[nodiscard]] TREEHOLD_EXPORT std::string_view to_string(LimitProblem problem) noexcept;

/// The facts of a `LimitRefused`; what does not apply is empty.
struct LimitRefusal {
  std::string limit;  ///< by its name in `Limits`; or the file of the kernel that refuses
  LimitProblem problem = LimitProblem::invalid;
  std::string reason;
  std::string controller;           ///< "memory", "pids", "cpu", "cpuset", "io"
  std::string path;                 ///< of the file or directory that decides
  std::string remedy;               ///< what would help
  boost::system::error_code error;  ///< of the kernel
};

/// A limit cannot be set. Nothing was started, and what held before holds on. `code()` is the
/// kernel's errno where it gave one, else `Errc::limit_refused`.
class TREEHOLD_EXPORT LimitRefused : public Error {
 public:
  explicit LimitRefused(LimitRefusal refusal);
  ~LimitRefused() override;

  [[nodiscard]] const LimitRefusal& refusal() const noexcept { return *refusal_; }

 private:
  std::shared_ptr<const LimitRefusal> refusal_;
};

/// A run that had to succeed did not; `output()` is all it left until then.
class TREEHOLD_EXPORT RunFailed : public Error {
 public:
  RunFailed(boost::system::error_code code, const std::string& message, Output output);
  ~RunFailed() override;

  [[nodiscard]] const Output& output() const noexcept { return *output_; }
  [[nodiscard]] const Outcome& outcome() const noexcept { return output_->outcome; }

 private:
  std::shared_ptr<const Output> output_;
};

/// The leader returned an exit code that was not accepted.
class TREEHOLD_EXPORT NonZeroExit : public RunFailed {
 public:
  NonZeroExit(const std::string& program, Output output);
  ~NonZeroExit() override;
};

/// The leader was ended by a signal.
class TREEHOLD_EXPORT Signalled : public RunFailed {
 public:
  Signalled(const std::string& program, Output output);
  ~Signalled() override;
};

/// The run's time-out or inactivity time-out passed; its tree has been ended.
class TREEHOLD_EXPORT TimedOut : public RunFailed {
 public:
  TimedOut(const std::string& program, Output output);
  ~TimedOut() override;
};

/// A stream exceeded its output cap under `OverflowPolicy::fail`; the tree has been ended.
class TREEHOLD_EXPORT OutputTooLarge : public RunFailed {
 public:
  OutputTooLarge(const std::string& program, Output output);
  ~OutputTooLarge() override;
};

/// Another party (a `waitpid(-1)` of the host, an ignored SIGCHLD) took the leader's exit status
/// and this kernel cannot tell it any more (Linux 6.15 can).
class TREEHOLD_EXPORT ExitStatusLost : public RunFailed {
 public:
  ExitStatusLost(const std::string& program, Output output);
  ~ExitStatusLost() override;
};

/// The run succeeded, but a copy of its output is not whole (`Command::stdout_tee`).
class TREEHOLD_EXPORT TeeFailed : public RunFailed {
 public:
  TeeFailed(const std::string& program, const Output& output);
  ~TeeFailed() override;
};

/// The operation was cancelled; `code()` is `boost::asio::error::operation_aborted`.
class TREEHOLD_EXPORT Cancelled : public Error {
 public:
  explicit Cancelled(const std::string& operation);
  ~Cancelled() override;
};

/// Writing to the child's standard input failed: it closed it, or has ended (EPIPE).
class TREEHOLD_EXPORT StdinFailed : public Error {
 public:
  StdinFailed(boost::system::error_code code, const std::string& message);
  ~StdinFailed() override;
};

/// This system, or the mechanism of this group, cannot do that.
class TREEHOLD_EXPORT Unsupported : public Error {
 public:
  Unsupported(std::string operation, const std::string& reason);
  ~Unsupported() override;

  [[nodiscard]] const std::string& operation() const noexcept { return *operation_; }

 private:
  std::shared_ptr<const std::string> operation_;
};

/// Members were still alive when the bound of a teardown passed (uninterruptible sleep, for
/// example).
class TREEHOLD_EXPORT TeardownUnconfirmed : public Error {
 public:
  explicit TeardownUnconfirmed(StopReport report);
  ~TeardownUnconfirmed() override;

  [[nodiscard]] const StopReport& report() const noexcept { return *report_; }
  [[nodiscard]] const std::vector<ProcessId>& survivors() const noexcept {
    return report_->members_after;
  }

 private:
  std::shared_ptr<const StopReport> report_;
};

/// A member left its container, or ended what held it together (a keeper): processes of the tree
/// may have got away, and live on. All that could still be found has been ended.
class TREEHOLD_EXPORT ContainmentLost : public Error {
 public:
  explicit ContainmentLost(StopReport report);
  ~ContainmentLost() override;

  [[nodiscard]] const StopReport& report() const noexcept { return *report_; }

 private:
  std::shared_ptr<const StopReport> report_;
};

/// The group is suspended: a start into it would hang until it is resumed.
class TREEHOLD_EXPORT GroupSuspended : public Error {
 public:
  GroupSuspended();
  ~GroupSuspended() override;
};

/// The group is being stopped or has been stopped.
class TREEHOLD_EXPORT GroupClosed : public Error {
 public:
  GroupClosed();
  ~GroupClosed() override;
};

/// The handle was made by another process, of which this one is a fork.
class TREEHOLD_EXPORT NotOwner : public Error {
 public:
  explicit NotOwner(const std::string& handle);
  ~NotOwner() override;
};

}  // namespace treehold::inline v0

namespace boost::system {
template <>
struct is_error_code_enum<treehold::Errc> : std::true_type {};
}  // namespace boost::system
