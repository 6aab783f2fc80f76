#include "platform/linux/spawn.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
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
#include "platform/linux/keeper.hpp"
#include "platform/linux/leader.hpp"
#include "platform/linux/order.hpp"
#include "platform/linux/own_child.hpp"
#include "platform/linux/process_limit.hpp"
#include "platform/linux/spawn_child.hpp"
#include "platform/platform.hpp"

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

/// A pipe, both ends close-on-exec and above the standard descriptors.
struct Pipe {
  UniqueFd read;
  UniqueFd write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    fail(SpawnStage::launch, "pipe");
  }
  Pipe pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
  pipe.read = above_standard(std::move(pipe.read));
  pipe.write = above_standard(std::move(pipe.write));
  if (!pipe.read || !pipe.write) {
    fail(SpawnStage::launch, "pipe");
  }
  return pipe;
}

std::uint32_t native_resource(Resource resource) {
  switch (resource) {
    case Resource::address_space: return RLIMIT_AS;
    case Resource::core_file_size: return RLIMIT_CORE;
    case Resource::cpu_seconds: return RLIMIT_CPU;
    case Resource::data_segment: return RLIMIT_DATA;
    case Resource::file_size: return RLIMIT_FSIZE;
    case Resource::locked_memory: return RLIMIT_MEMLOCK;
    case Resource::open_files: return RLIMIT_NOFILE;
    case Resource::processes: return RLIMIT_NPROC;
    case Resource::stack: return RLIMIT_STACK;
  }
  return RLIMIT_NOFILE;
}

/// Whether the host has the standard descriptor open for its children. A close-on-exec one is not
/// meant for them: in a host that has closed its own, a descriptor of ours or of Asio's may have
/// got the number.
bool is_inheritable(int descriptor) {
  const int flags = ::fcntl(descriptor, F_GETFD);
  return flags >= 0 && (flags & FD_CLOEXEC) == 0;
}

AgentStream agent_stream(Wiring wiring, int stream) {
  switch (wiring) {
    case Wiring::null: return AgentStream::null;
    case Wiring::inherit: return is_inheritable(stream) ? AgentStream::keep : AgentStream::null;
    case Wiring::pipe: return AgentStream::descriptor;
    case Wiring::read_file: return AgentStream::read_file;
    case Wiring::create_file: return AgentStream::create_file;
    case Wiring::append_file: return AgentStream::append_file;
    case Wiring::to_stdout: return AgentStream::to_stdout;
  }
  return AgentStream::null;
}

LaunchOrder make_order(const SpawnPlan& plan) {
  LaunchOrder order;
  order.new_session = plan.new_session ? 1 : 0;
  order.no_new_privileges = plan.no_new_privileges ? 1 : 0;
  order.set_uid = plan.uid ? 1 : 0;
  order.uid = plan.uid.value_or(0);
  order.set_gid = plan.gid ? 1 : 0;
  order.gid = plan.gid.value_or(0);
  order.set_groups = plan.groups ? 1 : 0;
  order.set_umask = plan.umask ? 1 : 0;
  order.umask = plan.umask.value_or(0);
  order.set_nice = plan.nice ? 1 : 0;
  order.nice = plan.nice.value_or(0);
  for (const ResourceLimitPlan& limit : plan.resource_limits) {
    order.limits[order.limit_count++] = {native_resource(limit.resource), 0, limit.soft,
                                         limit.hard};
  }
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

void append_pointers(std::vector<const char*>& pointers, const std::vector<std::string>& strings) {
  for (const std::string& text : strings) {
    pointers.push_back(text.c_str());
  }
  pointers.push_back(nullptr);
}

/// The host's and the child's ends of the pipes of one start.
struct Ends {
  UniqueFd child[3];
  UniqueFd report;
};

Ends make_ends(const SpawnPlan& plan, Spawned& spawned, LaunchOrder& order) {
  Ends ends;
  const StreamPlan* const streams[] = {&plan.standard_input, &plan.standard_output,
                                       &plan.standard_error};
  UniqueFd* const host_ends[] = {&spawned.standard_input, &spawned.standard_output,
                                 &spawned.standard_error};
  for (int i = 0; i < 3; ++i) {
    order.streams[i] = agent_stream(streams[i]->wiring, i);
    if (streams[i]->wiring == Wiring::pipe) {
      Pipe pipe = make_pipe();
      *host_ends[i] = std::move(i == 0 ? pipe.write : pipe.read);
      ends.child[i] = std::move(i == 0 ? pipe.read : pipe.write);
      order.descriptors[i] = ends.child[i].get();
    }
  }
  Pipe report = make_pipe();
  order.report = report.write.get();
  ends.report = std::move(report.write);
  spawned.report = std::move(report.read);
  return ends;
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
std::vector<int> kept_by_helper(const Ends& ends, const LaunchOrder& order,
                                const Entrances& entrances) {
  std::vector<int> kept{ends.report.get()};
  for (const UniqueFd& end : ends.child) {
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
                     const Ends& ends) {
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
                    const Ends& ends) {
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
                       const Ends& ends, std::shared_ptr<Keeper>& keeper) {
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
      (void)OwnChild(std::move(helper.agent)).send(SIGCONT);
    } else {
      reap(helper.agent);
    }
    errno = error;
    if (child.pid < 0) {
      fail_clone(place.leaf);
    }
    fail(SpawnStage::launch, "pidfd");
  }
  keeper = std::make_shared<Keeper>(std::move(helper.agent), std::move(socket.host));
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
  const Ends ends = make_ends(*plan, spawned, order);
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

bool can_be_born_in(const CgroupDir& cgroup) {
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
  if (!born && error == EAGAIN) {
    errno = error;
    fail_clone(&cgroup);
  }
  return born;
}

}  // namespace treehold::inline v0::platform
