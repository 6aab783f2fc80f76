// A leaf that is a POSIX process group, and several of them at a time: what is the same however a
// system reaches the group and whatever else it knows of its tree.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <memory>
#include <vector>

#include "platform/leaf_group.hpp"
#include "platform/platform.hpp"
#include "platform/posix/leader.hpp"
#include "platform/posix/process_census.hpp"

namespace treehold::inline v0::platform {

class ProcessGroupLeaf : public Leaf {
 public:
  [[nodiscard]] std::vector<ProcessId> members() const final;
  [[nodiscard]] bool empty() const final;
  void freeze() final;
  void thaw() final;
  [[nodiscard]] bool frozen() const final;

  /// A stop is seen by the parent, and sent on by shells: not for use behind the members' back.
  [[nodiscard]] bool freezes_atomically() const noexcept final { return false; }

  Delivery deliver(int native_signal) final;
  void kill() noexcept final;
  bool remove() noexcept final;
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& /*executor*/) final {
    return nullptr;
  }
  void disown() noexcept final;

  /// Who leads it, since the launch until it is removed.
  [[nodiscard]] std::shared_ptr<Leader> leader() const {
    const std::lock_guard lock(mutex_);
    return leader_;
  }

  /// Whether one round of SIGKILL has reached the whole tree, with none of it forking meanwhile.
  [[nodiscard]] bool killed() const noexcept { return killed_; }

  /// Lets an empty group go.
  void release();

  enum class Reached {
    nobody,
    leader,  ///< alone: it has yet to make its group
    group,
    everybody,  ///< at one moment, so that none of them can have forked meanwhile
  };
  [[nodiscard]] virtual Reached send(int native_signal) const = 0;

  /// Whether the kernel says, without a look at the table, that nobody is left, not even a zombie.
  [[nodiscard]] virtual bool is_known_to_be_gone(const Leader& leader) const noexcept = 0;

  /// What one look tells of each of the leaves, which are all of one kind.
  [[nodiscard]] virtual std::vector<ProcessGroupCensus> look_at(
      const std::vector<const ProcessGroupLeaf*>& leaves) const = 0;

 protected:
  ProcessGroupLeaf() = default;

  void lead(std::shared_ptr<Leader> leader) {
    const std::lock_guard lock(mutex_);
    leader_ = std::move(leader);
  }

  /// Before the leader is reaped, and with it the group's number let go of.
  virtual void before_release(const Leader& /*leader*/) {}

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<Leader> leader_;
  std::atomic<bool> killed_{false};
};

/// The group of such leaves. It has no limits.
class ProcessGroupGroup : public LeafGroup {
 public:
  [[nodiscard]] Mechanism mechanism() const noexcept override { return Mechanism::process_group; }

 protected:
  [[nodiscard]] std::shared_ptr<LeafSet> set_of(
      const std::vector<std::shared_ptr<Leaf>>& leaves) const final;
};

}  // namespace treehold::inline v0::platform
