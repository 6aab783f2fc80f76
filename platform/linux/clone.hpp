// A child that is cloned with the host's memory.
//
// The cost does not grow with how much memory the host has. What the child may do there: see
// spawn_child.hpp.
#pragma once

#include <linux/sched.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>

#include "platform/linux/spawn_child.hpp"
#include "platform/posix/unique_fd.hpp"

namespace treehold::inline v0::platform {

class CgroupDir;

struct Cloned {
  pid_t pid = -1;
  UniqueFd pidfd;
};

/// A stack for a child that shares our memory, with what treehold_raw_clone pops in the child on
/// top.
class ChildStack {
 public:
  void prepare(ChildEntry entry, void* argument) noexcept {
    top()[0] = reinterpret_cast<std::uintptr_t>(entry);
    top()[1] = reinterpret_cast<std::uintptr_t>(argument);
  }
  [[nodiscard]] std::uintptr_t* top() noexcept {
    return reinterpret_cast<std::uintptr_t*>(bytes_ + sizeof bytes_) - 2;
  }
  [[nodiscard]] unsigned char* bottom() noexcept { return bytes_; }

 private:
  alignas(16) unsigned char bytes_[std::size_t{8} * 1024];
};

/// Whether this thread waits until the child has executed a program or ended.
enum class Waiting : std::uint64_t { none = 0, until_exec = CLONE_VFORK };

/// clone with CLONE_VM: the child runs on `stack` in our memory, in `cgroup` (none: ours). Blocks
/// all signals of the calling thread for the moment. Throws nothing; a negative pid leaves errno.
[[nodiscard]] Cloned clone_sharing_memory(ChildStack& stack, ChildEntry entry, void* argument,
                                          Waiting waiting, const CgroupDir* cgroup);

/// A child that has ended, or is about to: takes its exit status, so that no zombie is left.
void reap(const Cloned& child);

}  // namespace treehold::inline v0::platform
