// What a group has used, as the kernel counts it for the whole tree: members that have ended are
// part of it.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

/// How long members had to wait for a resource (pressure stall information, Linux 4.20).
struct Pressure {
  std::chrono::microseconds some{0};  ///< at least one member waited
  std::chrono::microseconds full{0};  ///< all that could have run waited
  double some_percent = 0;            ///< of the last ten seconds
  double full_percent = 0;
};

/// Transfers to and from block devices, all together.
struct IoUse {
  std::uint64_t read_bytes = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t reads = 0;
  std::uint64_t writes = 0;
};

/// What is absent the kernel does not tell here; nothing is made up. `Guarantees::statistics` has
/// the reasons.
struct Statistics {
  std::optional<std::uint64_t> processes;             ///< now, without zombies
  std::optional<std::uint64_t> threads;               ///< now, with those of zombies
  std::optional<std::uint64_t> threads_peak;          ///< Linux 6.1
  std::optional<std::chrono::microseconds> cpu_user;  ///< all members, all CPUs
  std::optional<std::chrono::microseconds> cpu_system;
  std::optional<std::chrono::microseconds> cpu_throttled;  ///< held back by a limit of CPUs
  std::optional<std::uint64_t> memory;                     ///< bytes now, page cache included
  std::optional<std::uint64_t> memory_peak;                ///< Linux 5.19
  std::optional<std::uint64_t> swap;                       ///< bytes now
  std::optional<IoUse> io;
  std::optional<Pressure> cpu_pressure;
  std::optional<Pressure> memory_pressure;
  std::optional<Pressure> io_pressure;
};

}  // namespace treehold::inline v0
