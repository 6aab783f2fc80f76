// Several leaves as one tree: to end what a group holds without ending the group. Mechanisms that
// can look at several at once do better by overriding.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "platform/platform.hpp"

namespace treehold::inline v0::platform {

class LeafSet : public Tree {
 public:
  /// Notices are those of `notices`, a tree that holds all the leaves; none when it is null.
  explicit LeafSet(std::vector<std::shared_ptr<Leaf>> leaves,
                   std::shared_ptr<Tree> notices = nullptr) noexcept
      : leaves_(std::move(leaves)), notices_(std::move(notices)) {}

  [[nodiscard]] std::vector<ProcessId> members() const override;
  [[nodiscard]] bool empty() const override;
  void freeze() override;
  void thaw() override;
  [[nodiscard]] bool frozen() const override;
  [[nodiscard]] bool freezes_atomically() const noexcept override { return false; }
  Delivery deliver(int native_signal) override;
  void kill() noexcept override;
  bool remove() noexcept override;
  [[nodiscard]] bool lost() const noexcept override;
  [[nodiscard]] std::shared_ptr<ChangeWatch> watch(const Executor& executor) override {
    return notices_ ? notices_->watch(executor) : nullptr;
  }

 protected:
  [[nodiscard]] const std::vector<std::shared_ptr<Leaf>>& leaves() const noexcept {
    return leaves_;
  }

 private:
  const std::vector<std::shared_ptr<Leaf>> leaves_;
  const std::shared_ptr<Tree> notices_;
};

}  // namespace treehold::inline v0::platform
