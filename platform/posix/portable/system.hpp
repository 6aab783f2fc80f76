// What the portable mechanism asks of the system beside posix/system.hpp. One implementation a
// system: posix/macos, posix/freebsd, posix/linux.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include <treehold/mechanism.hpp>

#include "platform/posix/process_census.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

/// The system's name, for messages.
[[nodiscard]] std::string_view system_name() noexcept;

/// Whether the mechanism reaper, where there is one, is the better one here. Nothing else may
/// depend on it.
[[nodiscard]] bool reaper_is_preferred() noexcept;

/// Whether it tells what the leader has used.
[[nodiscard]] Guarantee resource_use_guarantee();

/// A descriptor that becomes readable when the child `pid` ends; one that is readable when it has
/// ended. Empty, with errno, when there can be no more descriptors.
[[nodiscard]] UniqueFd open_end_notice(pid_t pid) noexcept;

/// In a child between fork and exec: has the exec close all descriptors but the standard ones. A
/// negated errno when that fails.
long close_the_rest_at_exec() noexcept;

/// In a child between fork and exec: sets the supplementary groups; changes the real, effective and
/// saved number at once. A negated errno when that fails.
long become_member(std::size_t count, const gid_t* groups) noexcept;
long become_group(gid_t group) noexcept;
long become_user(uid_t user) noexcept;

/// All processes there are, with the zombies.
struct ProcessTable {
  std::vector<ProcessRecord> processes;
  bool complete = true;  ///< no process vanished between being listed and being read
};
[[nodiscard]] ProcessTable read_process_table();

/// Sends a signal to that very process, by its birth. False when it has ended.
bool send_to_process(const ProcessRecord& process, int native_signal) noexcept;

/// Whether kill(2) of a process group and fork(2) exclude each other, so that none of its members
/// can have had a child that was not reached.
[[nodiscard]] bool group_signals_are_atomic() noexcept;

/// Reaps the zombies of an emptied process group that fell to this process, where orphans do. Not
/// its leader.
void reap_orphans_of(pid_t group);

}  // namespace treehold::inline v0::platform
