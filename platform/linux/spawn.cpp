#include "platform/linux/spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <treehold/error.hpp>

#include "platform/linux/agent_program.hpp"
#include "platform/linux/cgroup_dir.hpp"
#include "platform/linux/clone.hpp"
#include "platform/linux/controllers.hpp"
#include "platform/linux/guardian.hpp"
#include "platform/linux/handover.hpp"
#include "platform/linux/order.hpp"
#include "platform/linux/process_limit.hpp"
#include "platform/linux/spawn_child.hpp"
#include "platform/platform.hpp"
#include "platform/posix/child_pipes.hpp"
#include "platform/posix/dispositions.hpp"
#include "platform/posix/keeper.hpp"
#include "platform/posix/leader.hpp"
#include "platform/posix/own_child.hpp"
#include "platform/posix/read_file.hpp"

namespace treehold::inline v0::platform {
namespace {

[[noreturn]] void fail(SpawnStage stage, const std::string& subject) {
  throw SpawnFailed(stage, last_error(), subject);
}

/// `leaf`: where the child was to be born; none: in the host's own cgroup.
[[noreturn]] void fail_clone(const CgroupDir* leaf) {
  if (errno == EAGAIN) {
    throw process_limit_reached(leaf);
  }
  fail(leaf != nullptr ? SpawnStage::container : SpawnStage::launch, "clone");
}

LaunchOrder make_order(const SpawnPlan& plan) {
  LaunchOrder order;
  fill_order(plan, order);
  order.no_new_privileges = plan.no_new_privileges ? 1 : 0;
  return order;
}

std::vector<unsigned char> cpu_mask(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) {
    return {};
  }
  const unsigned highest = *std::max_element(cpus.begin(), cpus.end());
  std::vector<unsigned char> mask((highest / 64 + 1) * 8, 0);
  for (const unsigned cpu : cpus) {
    mask[cpu / 8] = static_cast<unsigned char>(mask[cpu / 8] | (1U << (cpu % 8)));
  }
  return mask;
}

/// All that a child uses of our memory between its clone and its exec.
struct SharedMemory {
  explicit SharedMemory(std::shared_ptr<const SpawnPlan> wanted)
      : kept(std::move(wanted)), cpus(cpu_mask(kept->cpus)) {
    const SpawnPlan& plan = *kept;
    append_pointers(argv, plan.arguments);
    append_pointers(environment, plan.environment);
    becoming.directory = plan.directory ? plan.directory->c_str() : nullptr;
    becoming.files[0] = plan.standard_input.path.c_str();
    becoming.files[1] = plan.standard_output.path.c_str();
    becoming.files[2] = plan.standard_error.path.c_str();
    becoming.cpus = cpus.data();
    becoming.cpu_bytes = cpus.size();
    becoming.program = plan.program.c_str();
    becoming.argv = argv.data();
    becoming.environment = environment.data();
  }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;

  const std::shared_ptr<const SpawnPlan> kept;
  const std::vector<unsigned char> cpus;
  std::vector<const char*> argv;
  std::vector<const char*> environment;
  Becoming becoming;
  ChildStack stack;
};

Cloned spawn_directly(const std::shared_ptr<const SpawnPlan>& plan, const LaunchOrder& order,
                      const CgroupDir* leaf, Spawned& spawned) {
  const auto shared = std::make_shared<SharedMemory>(plan);
  shared->becoming.order = order;
  Cloned child = clone_sharing_memory(shared->stack, &child_becomes_program, &shared->becoming,
                                      Waiting::none, leaf);
  if (child.pid < 0) {
    fail_clone(leaf);
  }
  spawned.shared_memory = shared;
  return child;
}

/// The files that a child writes to so as to join its leaf and what limits it.
struct Entrances {
  std::vector<UniqueFd> files;
  UniqueFd process_count;
};

Entrances open_entrances(const Birthplace& place, LaunchOrder& order) {
  Entrances entrances;
  entrances.files.push_back(above_standard(place.leaf->open_file("cgroup.procs", O_WRONLY)));
  if (!entrances.files.back()) {
    fail(SpawnStage::container, "cgroup.procs");
  }
  if (place.controllers != nullptr) {
    for (UniqueFd& file : place.controllers->entrances()) {
      entrances.files.push_back(std::move(file));
    }
    entrances.process_count = place.controllers->process_count();
    if (entrances.process_count) {
      order.process_count = entrances.process_count.get();
      order.most_processes = place.controllers->most_processes();
    }
  }
  for (const UniqueFd& file : entrances.files) {
    order.entrances[order.entrance_count++] = file.get();
  }
  return entrances;
}

/// The helper's arguments, and its environment, which are the program's.
struct HelperArguments {
  HelperArguments(const char* role, const SpawnPlan& plan, const LaunchOrder& order)
      : order_text(hexadecimal(&order, sizeof order)) {
    if (plan.groups) {
      groups = hexadecimal(plan.groups->data(), plan.groups->size() * sizeof(std::uint32_t));
    }
    const std::vector<unsigned char> mask = cpu_mask(plan.cpus);
    cpus = hexadecimal(mask.data(), mask.size());
    argv = {"treehold-agent",
            role,
            order_text.c_str(),
            plan.directory ? plan.directory->c_str() : "",
            plan.standard_input.path.c_str(),
            plan.standard_output.path.c_str(),
            plan.standard_error.path.c_str(),
            groups.c_str(),
            cpus.c_str(),
            plan.program.c_str()};
    append_pointers(argv, plan.arguments);
    append_pointers(environment, plan.environment);
  }
  HelperArguments(const HelperArguments&) = delete;
  HelperArguments& operator=(const HelperArguments&) = delete;

  std::string order_text;
  std::string groups;
  std::string cpus;
  std::vector<const char*> argv;
  std::vector<const char*> environment;
};

/// In the host's own cgroup, with the descriptors `kept` beside the standard ones.
AgentStart start_helper(const char* role, const SpawnPlan& plan, const LaunchOrder& order,
                        const std::vector<int>& kept) {
  const HelperArguments arguments(role, plan, order);
  AgentStart started = start_agent(arguments.argv, arguments.environment, kept);
  if (started.agent.pid < 0) {
    errno = started.error;
    fail_clone(nullptr);
  }
  if (started.error != 0) {
    errno = started.error;
    // The helper was given the program's own arguments and environment: where those are too large,
    // it is the program that cannot be executed.
    fail(started.error == E2BIG ? SpawnStage::execute : SpawnStage::launch,
         started.error == E2BIG ? plan.program : "treehold-agent");
  }
  return started;
}

/// The descriptors that the program's process needs on its way, beside the standard ones.
std::vector<int> kept_by_helper(const ChildEnds& ends, const LaunchOrder& order,
                                const Entrances& entrances) {
  std::vector<int> kept{ends.report.get()};
  for (const UniqueFd& end : ends.standard) {
    if (end) {
      kept.push_back(end.get());
    }
  }
  for (const int descriptor : {order.leaf, order.handover, order.host, order.guardian}) {
    if (descriptor >= 0) {
      kept.push_back(descriptor);
    }
  }
  for (const UniqueFd& file : entrances.files) {
    kept.push_back(file.get());
  }
  if (entrances.process_count) {
    kept.push_back(entrances.process_count.get());
  }
  return kept;
}

/// The helper becomes the program, where it is or after it has joined what `place` asks for.
Cloned spawn_by_join(const SpawnPlan& plan, LaunchOrder order, const Birthplace& place,
                     const ChildEnds& ends) {
  const Entrances entrances = place.leaf != nullptr ? open_entrances(place, order) : Entrances();
  return start_helper("launch", plan, order, kept_by_helper(ends, order, entrances)).agent;
}

/// Ends a child of ours that cannot be kept, since it has no pidfd; as ours its number is nobody
/// else's.
void end_unheld(pid_t pid) {
  ::kill(pid, SIGKILL);
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

/// The helper has the program's process born in the leaf, as a child of ours.
Cloned spawn_by_hop(const SpawnPlan& plan, LaunchOrder order, const CgroupDir& leaf,
                    const ChildEnds& ends) {
  Handover handover = make_handover();
  if (!handover.helper) {
    fail(SpawnStage::launch, "socketpair");
  }
  order.leaf = leaf.fd();
  order.handover = handover.helper.get();
  const AgentStart helper =
      start_helper("launch", plan, order, kept_by_helper(ends, order, Entrances()));
  handover.helper.reset();  // so that the helper's end is an end
  HandedOver child = receive_birth(handover.host);
  const int error = errno;
  end_agent(helper);
  errno = error;
  if (child.pid < 0) {
    fail_clone(&leaf);
  }
  if (!child.pidfd) {
    end_unheld(child.pid);
    errno = error;
    fail(SpawnStage::launch, "pidfd");
  }
  return {child.pid, std::move(child.pidfd)};
}

/// The helper has the program's process born as a child of its own, and stays.
Cloned spawn_by_keeper(const SpawnPlan& plan, LaunchOrder order, const Birthplace& place,
                       const ChildEnds& ends, std::shared_ptr<Keeper>& keeper) {
  Handover socket = make_handover();
  const UniqueFd host(
      above_standard(UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)))));
  if (!socket.helper || !host) {
    fail(SpawnStage::launch, socket.helper ? "pidfd" : "socketpair");
  }
  order.handover = socket.helper.get();
  order.host = host.get();
  Entrances entrances;
  if (place.leaf != nullptr && place.way == SpawnWay::join) {
    entrances = open_entrances(place, order);
  } else if (place.leaf != nullptr) {
    order.leaf = place.leaf->fd();
  }
  AgentStart helper = start_helper("keep", plan, order, kept_by_helper(ends, order, entrances));
  socket.helper.reset();
  HandedOver child = receive_birth(socket.host);
  if (!child.pidfd) {
    const int error = errno;
    socket.host.reset();  // it ends what it has
    if (error == ETIMEDOUT) {
      (void)OwnChild(helper.agent.pid, std::move(helper.agent.pidfd)).send(SIGCONT);
    } else {
      reap(helper.agent);
    }
    errno = error;
    if (child.pid < 0) {
      fail_clone(place.leaf);
    }
    fail(SpawnStage::launch, "pidfd");
  }
  keeper = std::make_shared<Keeper>(helper.agent.pid, std::move(helper.agent.pidfd),
                                    std::move(socket.host));
  return {child.pid, std::move(child.pidfd)};
}

/// Whether the child needs memory of its own, since the kernel keeps for the whole memory what it
/// changes: with another user or group it would clear the host's dumpable flag for good, and that
/// user could stop the half-born child; an oom_score_adj would be the host's, too; and the kernel
/// kills all that share memory with one it kills for want of memory.
bool needs_own_memory(const SpawnPlan& plan, const LaunchOrder& order, const Birthplace& place) {
  return plan.uid || plan.gid || plan.groups || order.set_oom_score != 0 ||
         place.controllers != nullptr;
}

/// seccomp(2), of this thread. Asked of /proc, since a filter may end who asks the kernel.
bool has_no_seccomp_filter() {
  const std::optional<std::string> status = read_file("/proc/thread-self/status");
  return status && status->find("\nSeccomp:\t0\n") != std::string::npos;
}

bool has_child_born(const CgroupDir& cgroup) {
  ChildStack stack;
  const Cloned child =
      clone_sharing_memory(stack, child_ends, nullptr, Waiting::until_exec, &cgroup);
  if (child.pid < 0) {
    return false;
  }
  reap(child);
  return true;
}

/// A filter that ends who tries it ends the helper.
bool has_helpers_child_born(const CgroupDir& cgroup) {
  Handover socket = make_handover();
  if (!socket.helper) {
    fail(SpawnStage::container, "probe");
  }
  ProbeOrder order;
  order.leaf = cgroup.fd();
  order.handover = socket.helper.get();
  const std::string text = hexadecimal(&order, sizeof order);
  const AgentStart helper = start_agent({"treehold-agent", "probe", text.c_str(), nullptr},
                                        {nullptr}, {order.leaf, order.handover});
  if (helper.error != 0) {
    errno = helper.error;
    fail_clone(nullptr);
  }
  socket.helper.reset();
  const bool born = receive_birth(socket.host).pid > 0;
  const int error = errno;
  end_agent(helper);
  errno = error;
  return born;
}

/// A host that is to be spared when memory runs out passes that on to nobody: a group with a limit
/// of memory could not be made smaller.
std::optional<int> oom_score(const SpawnPlan& plan) {
  if (plan.oom_score_adj) {
    return plan.oom_score_adj;
  }
  const UniqueFd file(::open("/proc/self/oom_score_adj", O_RDONLY | O_CLOEXEC));
  char first = '0';
  const bool negative = file && ::read(file.get(), &first, 1) == 1 && first == '-';
  return negative ? std::optional(0) : std::nullopt;
}

}  // namespace

std::optional<SpawnWay> forced_spawn_way() {
  const std::optional<std::string> forced = environment_variable("TREEHOLD_SPAWN");
  if (!forced || forced->empty()) {
    return std::nullopt;
  }
  if (*forced == "direct") {
    return SpawnWay::direct;
  }
  if (*forced == "hop") {
    return SpawnWay::hop;
  }
  if (*forced == "join") {
    return SpawnWay::join;
  }
  throw InvalidSetting("TREEHOLD_SPAWN", "is none of direct, hop and join");
}

Spawned spawn(const std::shared_ptr<const SpawnPlan>& plan, const Birthplace& place) {
  Spawned spawned;
  LaunchOrder order = make_order(*plan);
  order.new_process_group = place.own_process_group ? 1 : 0;
  if (place.guarded != nullptr) {
    order.guardian = place.guarded->way_to_guardian();
    order.guarded_as = place.guarded->serial();
  }
  if (const std::optional<int> score = oom_score(*plan)) {
    order.set_oom_score = 1;
    order.oom_score = *score;
  }
  const ChildEnds ends = make_pipes(*plan, spawned, order);
  Cloned child;
  if (place.kept || exit_statuses_are_discarded()) {
    child = spawn_by_keeper(*plan, order, place, ends, spawned.keeper);
  } else if (place.way == SpawnWay::direct && !needs_own_memory(*plan, order, place)) {
    child = spawn_directly(plan, order, place.leaf, spawned);
  } else if (place.way == SpawnWay::join || place.leaf == nullptr) {
    child = spawn_by_join(*plan, order, place, ends);
  } else {
    child = spawn_by_hop(*plan, order, *place.leaf, ends);
  }
  spawned.pid = child.pid;
  spawned.pidfd = std::move(child.pidfd);
  return spawned;
}

std::shared_ptr<Leader> make_leader(Spawned& spawned) {
  if (spawned.keeper) {
    return std::make_shared<KeptLeader>(spawned.pid, std::move(spawned.pidfd), spawned.keeper);
  }
  return std::make_shared<OwnChild>(spawned.pid, std::move(spawned.pidfd),
                                    std::move(spawned.shared_memory));
}

bool can_be_born_in(const CgroupDir& cgroup) {
  const bool born =
      has_no_seccomp_filter() ? has_child_born(cgroup) : has_helpers_child_born(cgroup);
  if (!born && errno == EAGAIN) {
    fail_clone(&cgroup);
  }
  return born;
}

}  // namespace treehold::inline v0::platform
