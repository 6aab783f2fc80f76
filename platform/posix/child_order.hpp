// What the host orders of a newborn child on every POSIX system, and what the child tells back.
//
// The report goes through a pipe whose write end is close-on-exec: a ChildReport is written when a
// step failed. End-of-file without one means that the program runs, or that the child was ended on
// the way; its exit status tells the rest.
//
// Of plain integers: it may be read by a program that has no libc.
#pragma once

#include <cstddef>
#include <cstdint>

namespace treehold::inline v0::platform {

enum class ChildStage : std::uint8_t {
  container,
  session,
  standard_input,
  standard_output,
  standard_error,
  resource_limits,
  priority,
  oom_score,
  affinity,
  credentials,
  working_directory,
  execute,
};

struct ChildReport {
  ChildStage stage = ChildStage::execute;
  std::uint8_t reserved[3] = {};
  std::int32_t error = 0;  ///< errno
};
static_assert(sizeof(ChildReport) == 8);

enum class ChildStream : std::uint8_t {
  descriptor,  ///< ChildOrder::descriptors
  keep,        ///< as inherited
  null,
  read_file,
  create_file,
  append_file,
  to_stdout,
};

struct ChildLimit {
  std::uint32_t resource = 0;  ///< RLIMIT_*
  std::uint32_t reserved = 0;
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;
};

inline constexpr std::size_t child_limits = 16;

struct ChildOrder {
  std::int32_t report = -1;  ///< write end of the report pipe
  std::int32_t descriptors[3] = {-1, -1, -1};
  ChildStream streams[3] = {ChildStream::null, ChildStream::null, ChildStream::null};
  std::uint8_t new_session = 0;
  std::uint8_t new_process_group = 0;
  std::uint8_t set_uid = 0;
  std::uint8_t set_gid = 0;
  std::uint8_t set_groups = 0;
  std::uint8_t set_umask = 0;
  std::uint8_t set_nice = 0;
  std::uint8_t reserved[2] = {};
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t umask = 0;
  std::int32_t nice = 0;
  std::uint32_t limit_count = 0;
  ChildLimit limits[child_limits];
};

}  // namespace treehold::inline v0::platform
