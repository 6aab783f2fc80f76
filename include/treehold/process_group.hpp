// A set of programs, with everything they spawn, that is signalled, frozen, listed and ended as
// one.
//
//     treehold::ProcessGroup group;
//     treehold::Process server = group.start(treehold::Command("dev-server"));
//     treehold::Output seen = group.output(treehold::Command("curl", {"localhost:8080"}));
//     treehold::StopReport report = group.stop(2s);
//
// Each start has a container of its own inside the group, so that a time-out or a `kill` of one
// ends its descendants and no sibling.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <treehold/export.hpp>
#include <treehold/limits.hpp>
#include <treehold/mechanism.hpp>
#include <treehold/outcome.hpp>
#include <treehold/output.hpp>
#include <treehold/process.hpp>
#include <treehold/pull_range.hpp>
#include <treehold/signal.hpp>
#include <treehold/statistics.hpp>

namespace treehold::inline v0 {

class Command;
class GroupCore;

struct GroupOptions {
  /// The mechanism to use; without it the best one of this host, or what the environment variable
  /// TREEHOLD_MECHANISM names. One that is not available throws `Unsupported`, never falls back.
  std::optional<Mechanism> mechanism = std::nullopt;

  /// What all members together may use. Throws `LimitRefused` when one cannot be held; the
  /// mechanism is then never a weaker one.
  Limits limits = {};

  /// Counts memory, threads and transfers, too (`stats`), although nothing may be limited: needs
  /// the same controllers. What cannot be counted here is absent.
  bool accounting = false;

  /// Linux: the directory of a delegated cgroup, in which the group is made with the mechanism
  /// cgroup_v2; without it what the environment variable TREEHOLD_CGROUP names, or the nearest one
  /// from the own cgroup upwards in which groups can be made.
  std::string cgroup = {};

  /// What `stop` sends first.
  Signal soft_signal = Signal::terminate;

  /// How long a kill is repeated before the survivors are reported.
  std::chrono::nanoseconds teardown_bound = std::chrono::seconds(5);
};

/// Movable, not copyable. All members may be called from any thread at the same time.
/// Every member throws `NotOwner` in a fork of the process that made the group; the destructor then
/// only closes descriptors.
class TREEHOLD_EXPORT ProcessGroup {
 public:
  /// Throws `Unsupported` when the wanted mechanism is not available here, with the reason,
  /// `LimitRefused` when a limit cannot be held, `InvalidSetting`.
  explicit ProcessGroup(const GroupOptions& options = {});
  ProcessGroup(ProcessGroup&& other) noexcept;
  /// Ends the group that this object held.
  ProcessGroup& operator=(ProcessGroup&& other) noexcept;

  /// Kills everything in the group and waits for it, with the teardown bound; never throws.
  ~ProcessGroup();

  /// What contains this group.
  [[nodiscard]] Mechanism mechanism() const noexcept;

  /// What holds for this group on this host.
  [[nodiscard]] Guarantees guarantees() const;

  /// Starts a command in the group; returns when the program is being executed. Throws what
  /// `Command::start` throws; `GroupSuspended` while the group is suspended (it never blocks),
  /// `GroupClosed` after `stop`.
  Process start(const Command& command);

  // The verbs of `Command`, run in this group: after the leader's exit its descendants live on with
  // the group, unless the command's wait scope is the tree.
  std::string run(const Command& command);
  Output output(const Command& command);
  Output checked(const Command& command);
  int exit_code(const Command& command);
  bool probe(const Command& command);

  /// The numbers of all living members, descendants included, in no order. See
  /// `Guarantees::members_complete`.
  [[nodiscard]] std::vector<ProcessId> members() const;

  /// The limits that hold.
  [[nodiscard]] Limits limits() const;

  /// Replaces all limits: what is absent in `limits` is not limited any more. All are changed or
  /// none: throws `LimitRefused`, and what held before holds on. A group that was made without
  /// limits and without accounting cannot be given any. Lowering `memory` below what is used kills.
  void update_limits(const Limits& limits);

  /// What the group has used until now.
  [[nodiscard]] Statistics stats() const;

  /// Whether the limits were met until now.
  [[nodiscard]] LimitEvidence limit_evidence() const;

  /// What the group has used, every `interval` as long as it has a member, and at the moment when
  /// the last one goes: `for (const Statistics& now : group.sample_stats(1s))`. Each step waits on
  /// the calling thread. Throws `InvalidSetting` unless `interval` is above zero.
  [[nodiscard]] PullRange<Statistics> sample_stats(std::chrono::nanoseconds interval);

  /// Sends a signal to every member; returns how many it was sent to. In a cgroup the tree is
  /// frozen meanwhile, so that none is missed; a suspended group stays suspended.
  std::size_t signal(Signal signal);

  /// Stops all members from running until `resume`. Returns when they have stopped; idempotent.
  /// Throws `TeardownUnconfirmed` with the members that have not stopped within two seconds.
  void suspend();

  /// Lets a suspended group run again; idempotent.
  void resume();

  /// Kills all members and waits until they are gone. The group can be used again.
  /// Throws `TeardownUnconfirmed` when members outlive the teardown bound, `ContainmentLost` when
  /// some may have got away before.
  StopReport kill();

  /// Ends the group: no further start, soft signal to every member, up to `grace` of waiting, kill,
  /// removal. A suspended group gets the signal before it is let go, so that no work is done in
  /// between. Throws as `kill` does. A second call is harmless.
  StopReport stop(std::chrono::nanoseconds grace);

  /// Waits until no member is left, at most `bound` when one is given; true when none is left.
  bool wait_empty(std::optional<std::chrono::nanoseconds> bound = std::nullopt);

  // -- Asynchronous members: <treehold/async.hpp>
  // --------------------------------------------------

  template <class... Arguments>
  auto async_run(const Command& command, Arguments&&... arguments);
  template <class... Arguments>
  auto async_output(const Command& command, Arguments&&... arguments);
  template <class... Arguments>
  auto async_checked(const Command& command, Arguments&&... arguments);
  template <class... Arguments>
  auto async_exit_code(const Command& command, Arguments&&... arguments);
  template <class... Arguments>
  auto async_probe(const Command& command, Arguments&&... arguments);
  template <class... Arguments>
  auto async_start(const Command& command, Arguments&&... arguments);
  template <class... Arguments>
  auto async_stop(std::chrono::nanoseconds grace, Arguments&&... arguments);
  template <class... Arguments>
  auto async_kill(Arguments&&... arguments);
  template <class... Arguments>
  auto async_wait_empty(Arguments&&... arguments);
  template <class... Arguments>
  auto async_sample_stats(std::chrono::nanoseconds interval, Arguments&&... arguments);

  /// For treehold itself.
  [[nodiscard]] const std::shared_ptr<GroupCore>& shared_core() const;

 private:
  [[nodiscard]] GroupCore& core() const;

  std::shared_ptr<GroupCore> core_;
};

}  // namespace treehold::inline v0
