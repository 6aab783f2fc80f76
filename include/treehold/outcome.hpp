// How a run ended. Exit codes and signals are never merged into one number, and what is not known
// is said to be unknown.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

/// Whether the kernel killed for want of memory, and whose limit it was.
enum class MemoryKill {
  none,
  own_limit,  ///< `Limits::memory` of the group
  outside,    ///< of a group above, or the host ran out
};

/// The end of a leader. A value; two outcomes are equal when all they carry is equal.
class TREEHOLD_EXPORT Outcome {
 public:
  enum class Kind {
    exited,          ///< returned an exit code
    signalled,       ///< ended by a signal
    timed_out,       ///< its time-out passed and its tree was ended
    idle_timed_out,  ///< nothing came out of it for its inactivity time-out, and its tree was ended
    unknown,         ///< another party took the exit status; nothing is made up
  };

  /// An unknown outcome.
  Outcome() noexcept = default;

  [[nodiscard]] static Outcome exited(int code) noexcept;
  [[nodiscard]] static Outcome signalled(int native_signal, bool core_dumped) noexcept;
  [[nodiscard]] static Outcome timed_out() noexcept;
  [[nodiscard]] static Outcome idle_timed_out() noexcept;
  [[nodiscard]] static Outcome unknown() noexcept;

  [[nodiscard]] Kind kind() const noexcept { return kind_; }

  /// True for exit code 0 and for nothing else.
  [[nodiscard]] bool success() const noexcept { return kind_ == Kind::exited && value_ == 0; }

  /// The exit code, when there is one.
  [[nodiscard]] std::optional<int> code() const noexcept;

  /// The system's number of the signal that ended the leader, when one did.
  [[nodiscard]] std::optional<int> signal() const noexcept;

  /// Whether the kernel says that it wrote a core dump.
  [[nodiscard]] bool core_dumped() const noexcept { return core_dumped_; }

  /// Whether the signal came from the kernel for want of memory: the leader was ended by SIGKILL,
  /// not by treehold, while the kernel counted such a kill in its group. Only groups with limits or
  /// accounting can tell.
  [[nodiscard]] MemoryKill memory_kill() const noexcept { return memory_kill_; }
  [[nodiscard]] Outcome with_memory_kill(MemoryKill kill) const noexcept;

  /// One line for people: "exit code 3", "SIGSEGV (core dumped)", "timed out".
  [[nodiscard]] std::string describe() const;

  friend bool operator==(const Outcome&, const Outcome&) = default;

 private:
  Outcome(Kind kind, int value, bool core_dumped) noexcept
      : kind_(kind), value_(value), core_dumped_(core_dumped) {}

  [[nodiscard]] std::string_view note() const noexcept;

  Kind kind_ = Kind::unknown;
  int value_ = 0;
  bool core_dumped_ = false;
  MemoryKill memory_kill_ = MemoryKill::none;
};

/// The system's number of a process.
using ProcessId = std::int64_t;

/// What the leader and the descendants it waited for have used (`getrusage(2)`, RUSAGE_BOTH of one
/// `waitid`). Absent where the exit status was lost.
struct ResourceUse {
  std::chrono::microseconds user{0};
  std::chrono::microseconds system{0};
  std::uint64_t peak_resident_bytes = 0;  ///< of the largest single process
};

/// What ending a tree took.
struct StopReport {
  std::vector<ProcessId> members_before;  ///< alive when the stop began
  std::vector<ProcessId> members_after;   ///< alive when it ended, as far as they can be listed
  bool confirmed = true;                  ///< it is known that none was
  bool contained = true;                  ///< no member is known to have got away before
  bool soft_signal_sent = false;          ///< at least one member was sent the soft signal
  std::size_t console_breaks = 0;         ///< Windows: members that were sent it as CTRL_BREAK
  std::size_t window_closes = 0;          ///< Windows: members that were sent it as WM_CLOSE
  bool drained_in_grace = false;          ///< all members were gone before the grace was over
  bool escalated = false;                 ///< members had to be killed
  std::chrono::nanoseconds elapsed{0};
};

}  // namespace treehold::inline v0
