// A group that is nothing of its own: the set of its leaves, which limits and counts nothing.
#pragma once

#include <memory>
#include <vector>

#include "platform/leaf_set.hpp"
#include "platform/platform.hpp"
#include "platform/weak_list.hpp"

namespace treehold::inline v0::platform {

class LeafGroup : public Group {
 public:
  [[nodiscard]] std::shared_ptr<Leaf> make_leaf() final;
  [[nodiscard]] std::shared_ptr<Tree> tree_of(
      const std::vector<std::shared_ptr<Leaf>>& leaves) final {
    return set_of(leaves);
  }

  [[nodiscard]] Statistics statistics() const final { return {}; }
  [[nodiscard]] LimitEvidence evidence(const Limits& /*limits*/) const final { return {}; }
  [[nodiscard]] MemoryKills memory_kills() const final { return {}; }

  [[nodiscard]] std::vector<ProcessId> members() const final { return leaves()->members(); }
  [[nodiscard]] bool empty() const final { return leaves()->empty(); }
  void freeze() final { leaves()->freeze(); }
  void thaw() final { leaves()->thaw(); }
  [[nodiscard]] bool frozen() const final { return leaves()->frozen(); }
  [[nodiscard]] bool freezes_atomically() const noexcept final { return false; }
  Delivery deliver(int native_signal) final { return leaves()->deliver(native_signal); }
  void kill() noexcept final;
  bool remove() noexcept final;
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& /*executor*/) final {
    return nullptr;
  }
  void disown() noexcept final {}

 protected:
  [[nodiscard]] virtual std::shared_ptr<Leaf> fresh_leaf() = 0;
  [[nodiscard]] virtual std::shared_ptr<LeafSet> set_of(
      const std::vector<std::shared_ptr<Leaf>>& leaves) const {
    return std::make_shared<LeafSet>(leaves);
  }

 private:
  /// Those that are still in use.
  [[nodiscard]] std::shared_ptr<LeafSet> leaves() const { return set_of(leaves_.living()); }

  WeakList<Leaf> leaves_;
};

}  // namespace treehold::inline v0::platform
