#include "platform/posix/portable/lineage.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <vector>

namespace treehold::inline v0::platform {
namespace {

bool is_zombie(const ProcessRecord& process) {
  return process.state == 'Z' || process.state == 'X';
}

/// A group whose number was let go of and given anew has a leader of that number.
bool was_given_anew(const ProcessTable& table, pid_t group) {
  return std::any_of(table.processes.begin(), table.processes.end(),
                     [group](const ProcessRecord& process) { return process.pid == group; });
}

}  // namespace

ProcessGroupCensus Lineage::find(const ProcessTable& table, pid_t leader, Number number) {
  const bool group_is_ours = number == Number::held || !was_given_anew(table, leader);
  std::map<pid_t, std::uint64_t> found;  // numbers of this very table, and their births
  const std::lock_guard lock(mutex_);
  const auto belongs = [&](const ProcessRecord& process) {
    if (process.process_group == leader || process.pid == leader) {
      return group_is_ours;
    }
    if (known_.count({process.pid, process.birth}) > 0) {
      return true;
    }
    if (process.parent_birth != 0) {
      return bearers_.count(process.parent_birth) > 0;
    }
    const auto parent = found.find(process.parent);
    return parent != found.end() && parent->second <= process.birth;
  };

  std::vector<const ProcessRecord*> tree;
  std::vector<const ProcessRecord*> others;
  for (const ProcessRecord& process : table.processes) {
    // Never this process or the first one, whatever the table says.
    if (process.pid > 1 && process.pid != ::getpid()) {
      others.push_back(&process);
    }
  }
  // Children may stand before their parents: once more as long as somebody is found.
  for (bool more = true; more;) {
    more = false;
    std::erase_if(others, [&](const ProcessRecord* process) {
      if (!belongs(*process)) {
        return false;
      }
      tree.push_back(process);
      found.emplace(process->pid, process->birth);
      if (process->parent_birth != 0) {
        bearers_.insert(process->birth);
      }
      return more = true;
    });
  }

  known_.clear();
  ProcessGroupCensus census;
  census.complete = table.complete;
  for (const ProcessRecord* process : tree) {
    known_.insert({process->pid, process->birth});
    if (is_zombie(*process)) {
      census.zombies.push_back(process->pid);
    } else {
      census.living.push_back(*process);
    }
  }
  return census;
}

}  // namespace treehold::inline v0::platform
