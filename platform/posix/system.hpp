// What the code for all POSIX systems asks of the one at hand. Each system has its own
// implementation; none of these throws.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>

#include <treehold/outcome.hpp>

namespace treehold::inline v0::platform {

/// pipe(2), both ends close-on-exec.
int open_pipe(int (&ends)[2]) noexcept;

/// A child by its number, and by a descriptor that becomes readable when it has ended.
struct ChildHandle {
  pid_t pid = -1;
  int end_notice = -1;
};

/// waitid(2) for the child's exit, with `flags` (WNOWAIT) besides; never blocks. False when it is
/// no child of ours (any more). `info.si_pid` stays 0 while it has not ended, or a tracer holds it.
/// What it used goes to `use`, unless that is null, where the system tells before the child is
/// reaped.
bool wait_for_exit(const ChildHandle& child, int flags, siginfo_t& info,
                   std::optional<ResourceUse>* use) noexcept;

/// Sends a signal to the child alone. False when it has ended. Where that goes by its number, the
/// caller has made sure that this is still the child's.
bool send_to_child(const ChildHandle& child, int native_signal) noexcept;

/// Whether `send_to_child` reaches the child, and nobody else, whatever has become of its number.
[[nodiscard]] bool signals_need_no_number() noexcept;

/// How the child ended, when somebody else has reaped it; nothing where the system forgets it.
[[nodiscard]] std::optional<Outcome> outcome_kept_for(const ChildHandle& child);

/// How the zombie ended, by the system's own record of it; nothing where that is not shown.
[[nodiscard]] std::optional<Outcome> outcome_of_zombie(pid_t pid);

/// Whether a fork of this process has the descriptors of `ChildHandle` as well. Where it has not,
/// their numbers may be another's there.
[[nodiscard]] bool end_notices_are_inherited() noexcept;

}  // namespace treehold::inline v0::platform
