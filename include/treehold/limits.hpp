// What a group may use at most. The kernel holds the limits for all members together, whatever they
// spawn.
//
//     using namespace treehold::literals;
//     treehold::ProcessGroup group({.limits = {.memory = 512_MiB, .processes = 64, .cpus = 1.5}});
//     treehold::Output out = treehold::Command("tool").limits({.memory = 64_MiB}).output();
//
// A limit that cannot be held is refused with `LimitRefused` before anything is started; none is
// ever dropped. Where limits can be held, and what would help, tells `Guarantees::limits`.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

inline namespace literals {

constexpr std::uint64_t operator""_KiB(unsigned long long count) {
  return std::uint64_t{count} << 10;
}
constexpr std::uint64_t operator""_MiB(unsigned long long count) {
  return std::uint64_t{count} << 20;
}
constexpr std::uint64_t operator""_GiB(unsigned long long count) {
  return std::uint64_t{count} << 30;
}

}  // namespace literals

/// Bandwidth and operations of one block device (`io.max`). What is absent is not limited.
struct IoLimit {
  std::string device;  ///< path of the whole block device ("/dev/sda") or its numbers ("8:0")
  std::optional<std::uint64_t> read_bytes_per_second = std::nullopt;
  std::optional<std::uint64_t> write_bytes_per_second = std::nullopt;
  std::optional<std::uint64_t> reads_per_second = std::nullopt;
  std::optional<std::uint64_t> writes_per_second = std::nullopt;

  friend bool operator==(const IoLimit&, const IoLimit&) = default;
};

/// Windows: how readily members get the CPU, all of them alike ("Scheduling Priorities").
enum class PriorityClass { idle, below_normal, normal, above_normal, high };

/// Windows: what members may not do to others on their desktop (JOBOBJECT_BASIC_UI_RESTRICTIONS).
struct UiRestrictions {
  bool desktop = false;           ///< make or switch desktops
  bool display_settings = false;  ///< change them
  bool exit_windows = false;      ///< log off, shut down
  bool global_atoms = false;      ///< have atoms in common with others
  bool handles = false;           ///< use windows of others
  bool read_clipboard = false;
  bool system_parameters = false;  ///< change them
  bool write_clipboard = false;

  friend bool operator==(const UiRestrictions&, const UiRestrictions&) = default;
};

/// The limits of a group; what is absent is not limited. Names in errors, guarantees and evidence
/// are those of the members.
struct Limits {
  /// Bytes of memory, page cache and kernel memory included (`memory.max`). When no more can be
  /// reclaimed, the kernel kills: see `oom_kills_group`.
  std::optional<std::uint64_t> memory = std::nullopt;

  /// Bytes of swap (`memory.swap.max`). With a memory limit the default is 0: else a limit of
  /// memory would only make the group swap.
  std::optional<std::uint64_t> swap = std::nullopt;

  /// Bytes above which members are slowed down and reclaimed from (`memory.high`).
  std::optional<std::uint64_t> memory_high = std::nullopt;

  /// Whether the whole group ends when the kernel kills for want of memory (`memory.oom.group`).
  /// Default: yes where there is a memory limit and the kernel can (not with v1 controllers).
  std::optional<bool> oom_kills_group = std::nullopt;

  /// Processes and threads (`pids.max`). Above it fork(2) fails with EAGAIN inside, and a start
  /// into the group with `ProcessLimitReached`.
  std::optional<std::uint64_t> processes = std::nullopt;

  /// CPU time a time, in cores: 1.5 is 150 ms in each 100 ms (`cpu.max`). At least 0.01.
  std::optional<double> cpus = std::nullopt;

  /// Share of the CPU among siblings, 1 to 10000 (`cpu.weight`); the kernel's default is 100.
  std::optional<unsigned> cpu_weight = std::nullopt;

  /// The CPUs that may be used (`cpuset.cpus`).
  std::optional<std::vector<unsigned>> cpu_set = std::nullopt;

  /// At most one for each device.
  std::vector<IoLimit> io = {};

  /// Windows: CPU time in user mode of all members together, those that have ended included, from
  /// when it is set. When it is used up the system ends the members. On POSIX systems
  /// `Command::resource_limit` bounds that of each process.
  std::optional<std::chrono::nanoseconds> cpu_time = std::nullopt;

  /// Windows: members cannot change it.
  std::optional<PriorityClass> priority = std::nullopt;

  /// Windows: what is true here.
  UiRestrictions ui = {};

  /// Whether there is none.
  [[nodiscard]] bool empty() const { return *this == Limits{}; }

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// Whether a limit was met.
enum class Tripped {
  no,
  yes,
  unknown,  ///< the kernel does not tell here
};

/// One limit's evidence: what the kernel counted.
struct Evidence {
  Tripped tripped = Tripped::unknown;
  std::uint64_t times = 0;  ///< how often, as the kernel counts it; 0 unless tripped
  std::string reason;       ///< what it was read from, or why it is unknown
};

/// Whether the limits of a group were met, by the names of `Limits`, those that are set; and
/// "outside_memory": memory ran out above the group (an ancestor's limit, or the host), and the
/// kernel killed a member for it.
using LimitEvidence = std::vector<std::pair<std::string, Evidence>>;

/// The entry of that name; one that says "unknown" when there is none.
[[nodiscard]] TREEHOLD_EXPORT Evidence evidence_of(const LimitEvidence& evidence,
                                                   const std::string& limit);

}  // namespace treehold::inline v0
