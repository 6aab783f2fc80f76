#include "platform/posix/process_group.hpp"

#include <signal.h>

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "platform/leaf_set.hpp"

namespace treehold::inline v0::platform {
namespace {

// -- Several leaves at a time, since one look at the table of processes costs as much for all of
// them as for one.

using Leaves = std::vector<const ProcessGroupLeaf*>;

std::vector<ProcessGroupCensus> look_at(const Leaves& leaves) {
  return leaves.empty() ? std::vector<ProcessGroupCensus>() : leaves.front()->look_at(leaves);
}

std::vector<ProcessId> members_of(const Leaves& leaves) {
  std::vector<ProcessId> pids;
  for (const ProcessGroupCensus& census : look_at(leaves)) {
    for (const ProcessRecord& process : census.living) {
      pids.push_back(process.pid);
    }
  }
  return pids;
}

bool all_frozen(const Leaves& leaves) {
  const auto all = look_at(leaves);
  return std::all_of(all.begin(), all.end(), [](const ProcessGroupCensus& census) {
    return std::all_of(
        census.living.begin(), census.living.end(),
        [](const ProcessRecord& process) { return process.state == 'T' || process.state == 't'; });
  });
}

Delivery deliver_to(const Leaves& leaves, int native_signal) {
  const auto all = look_at(leaves);
  std::size_t count = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const bool reached = leaves[i]->send(native_signal) != ProcessGroupLeaf::Reached::nobody;
    count += reached ? all[i].living.size() : 0;
  }
  return {.members = count};
}

/// How often one question looks at the table. Two looks answer it, unless a process of whatever
/// group ends in the midst of one: on a busy system that happens now and then.
constexpr int most_looks = 6;

/// Which of the leaves hold no living process.
std::vector<bool> which_are_empty(const Leaves& leaves) {
  std::vector<bool> empty(leaves.size(), false);
  std::vector<std::size_t> uncertain;
  Leaves looked_at;
  std::vector<bool> killed;  // before the look at the table
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const bool was_killed = leaves[i]->killed();
    const std::shared_ptr<Leader> leader = leaves[i]->leader();
    if (!leader) {
      empty[i] = true;
    } else if (leader->has_ended()) {
      // Quicker than reading the table of all processes.
      empty[i] = leaves[i]->is_known_to_be_gone(*leader);
      if (!empty[i]) {
        uncertain.push_back(i);
        looked_at.push_back(leaves[i]);
        killed.push_back(was_killed);
      }
    }
  }
  std::vector<bool> answered(uncertain.size(), false);
  std::vector<ProcessGroupCensus> before;
  for (int look = 0; look < most_looks; ++look) {
    std::vector<ProcessGroupCensus> now = look_at(looked_at);
    for (std::size_t at = 0; at < now.size(); ++at) {
      if (!answered[at] && now[at].living.empty()) {
        // None that was killed can have forked since: whoever was not found is not there.
        empty[uncertain[at]] =
            killed[at] || (!before.empty() && prove_emptiness(before[at], now[at]));
      }
      answered[at] = answered[at] || empty[uncertain[at]] || !now[at].living.empty();
    }
    if (std::find(answered.begin(), answered.end(), false) == answered.end()) {
      break;
    }
    before = std::move(now);
  }
  return empty;
}

}  // namespace

std::vector<ProcessId> ProcessGroupLeaf::members() const {
  return members_of({this});
}

bool ProcessGroupLeaf::empty() const {
  return which_are_empty({this}).front();
}

void ProcessGroupLeaf::freeze() {
  (void)send(SIGSTOP);
}

void ProcessGroupLeaf::thaw() {
  (void)send(SIGCONT);
}

bool ProcessGroupLeaf::frozen() const {
  return all_frozen({this});
}

Delivery ProcessGroupLeaf::deliver(int native_signal) {
  return deliver_to({this}, native_signal);
}

void ProcessGroupLeaf::kill() noexcept {
  try {
    if (send(SIGKILL) == Reached::everybody) {
      killed_ = true;
    }
  } catch (...) {  // no memory: to be repeated
  }
}

bool ProcessGroupLeaf::remove() noexcept {
  try {
    if (!empty()) {
      return false;
    }
    release();
    return true;
  } catch (...) {  // no memory: to be tried again
    return false;
  }
}

void ProcessGroupLeaf::release() {
  const std::lock_guard lock(mutex_);
  if (leader_) {
    before_release(*leader_);
  }
  leader_.reset();  // reaps, and lets go of the group's number
}

void ProcessGroupLeaf::disown() noexcept {
  if (const std::shared_ptr<Leader> leader = this->leader()) {
    leader->disown();
  }
}

namespace {

/// Several leaves as one tree.
class ProcessGroupSet final : public LeafSet {
 public:
  explicit ProcessGroupSet(const std::vector<std::shared_ptr<Leaf>>& leaves) : LeafSet(leaves) {
    for (const auto& leaf : leaves) {
      own_.push_back(static_cast<const ProcessGroupLeaf*>(leaf.get()));
    }
  }

  [[nodiscard]] std::vector<ProcessId> members() const override { return members_of(own_); }
  [[nodiscard]] bool empty() const override {
    const std::vector<bool> all = which_are_empty(own_);
    return std::all_of(all.begin(), all.end(), [](bool one) { return one; });
  }
  [[nodiscard]] bool frozen() const override { return all_frozen(own_); }
  Delivery deliver(int native_signal) override { return deliver_to(own_, native_signal); }
  bool remove() noexcept override {
    try {
      bool all = true;
      const std::vector<bool> empty = which_are_empty(own_);
      for (std::size_t i = 0; i < own_.size(); ++i) {
        if (empty[i]) {
          static_cast<ProcessGroupLeaf&>(*leaves()[i]).release();
        }
        all = all && empty[i];
      }
      return all;
    } catch (...) {  // no memory: to be tried again
      return false;
    }
  }

 private:
  Leaves own_;
};

}  // namespace

std::shared_ptr<LeafSet> ProcessGroupGroup::set_of(
    const std::vector<std::shared_ptr<Leaf>>& leaves) const {
  return std::make_shared<ProcessGroupSet>(leaves);
}

}  // namespace treehold::inline v0::platform
