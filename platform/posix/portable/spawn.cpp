#include "platform/posix/portable/spawn.hpp"

#include <unistd.h>

#include <cerrno>
#include <utility>

#include "platform/posix/dispositions.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/portable/newborn.hpp"

namespace treehold::inline v0::platform {

Spawned spawn(const SpawnPlan& plan) {
  Spawned spawned;
  Preparation prepared(plan, spawned);
  Becoming& becoming = prepared.becoming;
  becoming.order.new_process_group = 1;

  // Where the kernel reaps by itself the child must not end before it is held: its number would be
  // anybody's.
  Pipe gate = exit_statuses_are_discarded() ? make_pipe() : Pipe();
  becoming.gate = gate.read.get();
  becoming.gate_opener = gate.write.get();

  const pid_t child = fork_to([&becoming] { become(becoming); });
  if (child < 0) {
    fail_fork(errno);
  }
  if (!plan.new_session) {
    // By both, so that the group exists whoever runs first; refused when the child has executed its
    // program: then it has one. Who leads a group could open no session.
    (void)::setpgid(child, child);
  }
  UniqueFd end_notice = hold_child(child);
  if (gate.write) {
    // A byte and not the end of the pipe: children that are started meanwhile hold that open, too.
    (void)!::write(gate.write.get(), "", 1);
  }
  spawned.leader = std::make_shared<OwnChild>(child, std::move(end_notice));
  return spawned;
}

}  // namespace treehold::inline v0::platform
