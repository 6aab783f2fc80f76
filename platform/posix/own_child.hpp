// A child of this process: the leader of a start, or its keeper.
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "platform/posix/leader.hpp"

namespace treehold::inline v0::platform {

/// From its birth until it is reaped.
class OwnChild final : public Leader {
 public:
  /// `end_notice`: see `Leader`. `shared_memory`: what it uses of ours until its exec.
  OwnChild(pid_t pid, UniqueFd end_notice, std::shared_ptr<const void> shared_memory = nullptr);

  /// Reaps, or hands the zombie to those tried again at later starts when a tracer still holds it,
  /// or it has yet to end.
  ~OwnChild() override;
  OwnChild(const OwnChild&) = delete;
  OwnChild& operator=(const OwnChild&) = delete;

  Peek peek(ExitStatus& status) const override;
  [[nodiscard]] bool will_be_told() const override { return false; }
  [[nodiscard]] ExitStatus status_of_zombie() const override;
  bool reap() noexcept override;
  [[nodiscard]] bool pins_number() const noexcept override;
  bool send(int native_signal) const noexcept override;
  void disown() noexcept override;

 private:
  /// With `mutex_` held.
  [[nodiscard]] bool pins_number_now() const noexcept;

  bool reaped_ = false;
};

/// Leaves the children that are none of these: the exit status of a leader is for its own run to
/// read.
void leave_out_own_children(std::vector<pid_t>& children);

/// Reaps the zombies that were handed over. Called at each start.
void reap_leftovers() noexcept;

}  // namespace treehold::inline v0::platform
