// Where the host itself sits among cgroups.
//
// A host can limit what it starts only from a cgroup that was handed to it. Where its surroundings
// have not seen to that, it can ask for a scope of its own, or make room in the cgroup it has.
// Nothing does either unasked: it is visible to everybody who looks at the host.
#pragma once

#include <chrono>
#include <string>

#include <treehold/export.hpp>

namespace treehold::inline v0 {

/// Moves this process with all its threads from its cgroup into a group `treehold-host` made below,
/// so that controllers can be enabled for groups beside it: the kernel gives none to the groups
/// below one that holds processes (cgroups(7), "no internal processes"). For services that have a
/// delegated cgroup (`Delegate=yes`) to themselves; with `DelegateSubgroup=` it is not needed.
/// Nothing does this unasked. A second call, and one where the own cgroup is that group, changes
/// nothing. Throws `Unsupported`, with nothing moved, where there is no writable cgroup v2 or the
/// own cgroup holds other processes, too. Thread safe.
TREEHOLD_EXPORT void move_host_into_leaf();

/// Who is asked for a scope.
enum class ServiceManager {
  automatic,  ///< the system's by root, their own by other users
  system,     ///< the system's; it answers root
  user,       ///< the one of this process's user, at DBUS_SESSION_BUS_ADDRESS or XDG_RUNTIME_DIR
};

struct ScopeOptions {
  ServiceManager manager = ServiceManager::automatic;

  /// The scope's name, which ends in ".scope"; by default `treehold-` and 16 random digits.
  std::string unit = {};

  /// The slice it becomes part of, whose name ends in ".slice"; by default the manager chooses.
  std::string slice = {};

  /// For everything that is asked of the manager, together.
  std::chrono::nanoseconds timeout = std::chrono::seconds(10);
};

/// Asks systemd over D-Bus for a transient scope with a delegated cgroup (systemd.scope(5)), in
/// which this process with all its threads is then the only one, and moves it on into a leaf there
/// as `move_host_into_leaf` does. For programs that are started by hand or by a service without
/// `Delegate=`. What limited the host in its former cgroup does so no longer, and what it started
/// before stays there: call it early, and not in a program that treehold itself contains. The scope
/// ends when its last process has.
///
/// A process has one such scope: later calls change nothing, whatever their options. A fork is in
/// its parent's scope and may ask for one of its own. Throws `InvalidSetting`, and `Unsupported`
/// with the reason: a build without libsystemd, no bus, a refusal with its D-Bus error, no answer
/// in time (the manager may still move the host later), a job that failed, or a host that is not in
/// that scope although it was told so. Blocks; thread safe; leaves no connection or thread behind.
TREEHOLD_EXPORT void move_host_into_scope(const ScopeOptions& options = {});

}  // namespace treehold::inline v0
