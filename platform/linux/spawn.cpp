#include "platform/linux/spawn.hpp"

#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <treehold/error.hpp>

#include "platform/linux/agent/order.hpp"
#include "platform/linux/agent_program.hpp"
#include "platform/linux/spawn_child.hpp"

extern "C" long treehold_raw_clone(long number, long a, long b, long c, long d, long e);

namespace treehold::inline v0::platform {
namespace {

constexpr std::uint64_t clone_clear_sighand = 0x100000000ULL;  // CLONE_CLEAR_SIGHAND, Linux 5.5
constexpr std::uint64_t clone_into_cgroup = 0x200000000ULL;    // CLONE_INTO_CGROUP, Linux 5.7

[[noreturn]] void fail(SpawnStage stage, const std::string& subject) {
  throw SpawnFailed(stage, last_error(), subject);
}

/// Keeps every signal away while it lives, also the two that libc reserves for itself and leaves open in
/// its own masks: a handler of the host must not run in a child that shares its memory.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    const std::uint64_t all = ~std::uint64_t{0};
    ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &old_, sizeof all);
  }
  ~AllSignalsBlocked() { ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &old_, nullptr, sizeof old_); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  std::uint64_t old_ = 0;
};

struct Cloned {
  pid_t pid = -1;
  UniqueFd pidfd;
};

/// clone with CLONE_VM and CLONE_VFORK: the child runs `function` on a stack of its own in our memory
/// while this thread waits; the cost does not grow with the host's memory. Throws nothing; a negative pid
/// leaves errno.
Cloned clone_sharing_memory(int (*function)(ChildStart*) noexcept, ChildStart& start, int cgroup) {
  // On our own stack, which does not move on before the child has let go of it (CLONE_VFORK).
  alignas(16) std::array<unsigned char, std::size_t{8} * 1024> stack;  // NOLINT: left uninitialised
  // What treehold_raw_clone pops in the child: the function and its argument.
  auto* const entry = reinterpret_cast<std::uintptr_t*>(stack.data() + stack.size()) - 2;
  entry[0] = reinterpret_cast<std::uintptr_t>(function);
  entry[1] = reinterpret_cast<std::uintptr_t>(&start);

  int pidfd = -1;
  constexpr std::uint64_t flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  long result = 0;
  {
    const AllSignalsBlocked blocked;
    if (cgroup >= 0) {
      clone_args arguments{};
      arguments.flags = flags | clone_clear_sighand | clone_into_cgroup;
      arguments.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
      arguments.exit_signal = SIGCHLD;
      arguments.stack = reinterpret_cast<std::uintptr_t>(stack.data());
      arguments.stack_size = reinterpret_cast<std::uintptr_t>(entry) - arguments.stack;
      arguments.cgroup = static_cast<std::uint64_t>(cgroup);
      result = treehold_raw_clone(SYS_clone3, reinterpret_cast<long>(&arguments), sizeof arguments, 0, 0, 0);
    } else {
      // The older call, which seccomp filters know: they answer ENOSYS to clone3 (Docker). Handlers need
      // no clearing: signals are blocked until the exec resets them.
      result = treehold_raw_clone(SYS_clone, static_cast<long>(flags | SIGCHLD),
                                  reinterpret_cast<long>(entry), reinterpret_cast<long>(&pidfd), 0, 0);
    }
  }
  if (result < 0) {
    errno = static_cast<int>(-result);
    return {};
  }
  return {static_cast<pid_t>(result), UniqueFd(pidfd)};
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

std::string hexadecimal(const void* data, std::size_t size) {
  static constexpr char digits[] = "0123456789abcdef";
  const auto* bytes = static_cast<const unsigned char*>(data);
  std::string text(2 * size, '0');
  for (std::size_t i = 0; i < size; ++i) {
    text[2 * i] = digits[bytes[i] >> 4];
    text[2 * i + 1] = digits[bytes[i] & 15];
  }
  return text;
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

AgentStream agent_stream(Wiring wiring, int stream) {
  switch (wiring) {
    case Wiring::null: return AgentStream::null;
    case Wiring::inherit:
      return ::fcntl(stream, F_GETFD) >= 0 ? AgentStream::keep : AgentStream::null;
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
    order.limits[order.limit_count++] = {native_resource(limit.resource), 0, limit.soft, limit.hard};
  }
  return order;
}

std::string cpu_mask(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) {
    return {};
  }
  const unsigned highest = *std::max_element(cpus.begin(), cpus.end());
  std::vector<unsigned char> mask((highest / 64 + 1) * 8, 0);
  for (const unsigned cpu : cpus) {
    mask[cpu / 8] = static_cast<unsigned char>(mask[cpu / 8] | (1U << (cpu % 8)));
  }
  return hexadecimal(mask.data(), mask.size());
}

void append_pointers(std::vector<const char*>& pointers, const std::vector<std::string>& strings) {
  for (const std::string& text : strings) {
    pointers.push_back(text.c_str());
  }
  pointers.push_back(nullptr);
}

/// A helper that could not be executed has ended: take its exit status, so that no zombie is left.
void reap_failed(const Cloned& child) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(child.pidfd.get()), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

}  // namespace

Spawned spawn(const SpawnPlan& plan, const Birthplace& place) {
  Spawned spawned;
  LaunchOrder order = make_order(plan);
  order.container = place.joins;
  order.new_process_group = place.own_process_group ? 1 : 0;

  std::array<int, 5> kept{};
  std::size_t kept_count = 0;
  std::array<UniqueFd, 3> child_ends;
  const StreamPlan* const streams[] = {&plan.standard_input, &plan.standard_output, &plan.standard_error};
  UniqueFd* const host_ends[] = {&spawned.standard_input, &spawned.standard_output, &spawned.standard_error};
  for (std::size_t i = 0; i < 3; ++i) {
    order.streams[i] = agent_stream(streams[i]->wiring, static_cast<int>(i));
    if (streams[i]->wiring == Wiring::pipe) {
      Pipe pipe = make_pipe();
      *host_ends[i] = std::move(i == 0 ? pipe.write : pipe.read);
      child_ends[i] = std::move(i == 0 ? pipe.read : pipe.write);
      order.descriptors[i] = child_ends[i].get();
      kept[kept_count++] = child_ends[i].get();
    }
  }
  Pipe report = make_pipe();
  order.report = report.write.get();
  kept[kept_count++] = order.report;
  if (place.joins >= 0) {
    kept[kept_count++] = place.joins;
  }

  const std::string order_text = hexadecimal(&order, sizeof order);
  const std::string groups =
      plan.groups ? hexadecimal(plan.groups->data(), plan.groups->size() * sizeof(std::uint32_t)) : "";
  const std::string cpus = cpu_mask(plan.cpus);
  std::vector<const char*> argv{"treehold-agent",
                                "launch",
                                order_text.c_str(),
                                plan.directory ? plan.directory->c_str() : "",
                                plan.standard_input.path.c_str(),
                                plan.standard_output.path.c_str(),
                                plan.standard_error.path.c_str(),
                                groups.c_str(),
                                cpus.c_str(),
                                plan.program.c_str()};
  append_pointers(argv, plan.arguments);
  std::vector<const char*> environment;
  environment.reserve(plan.environment.size() + 1);
  append_pointers(environment, plan.environment);

  ChildStart start;
  start.kept = kept.data();
  start.kept_count = kept_count;
  start.program = agent_program();
  start.argv = argv.data();
  start.environment = environment.data();

  Cloned child = clone_sharing_memory(&treehold_child_execute, start, place.born_in);
  if (child.pid < 0) {
    fail(place.born_in >= 0 ? SpawnStage::container : SpawnStage::launch, "clone");
  }
  if (start.error != 0) {
    reap_failed(child);
    errno = start.error;
    // The helper was given the program's own arguments and environment: where those are too large, it is
    // the program that cannot be executed.
    fail(start.error == E2BIG ? SpawnStage::execute : SpawnStage::launch,
         start.error == E2BIG ? plan.program : "treehold-agent");
  }
  spawned.pid = child.pid;
  spawned.pidfd = std::move(child.pidfd);
  spawned.report = std::move(report.read);
  return spawned;
}

bool can_be_born_in(int cgroup) {
  ChildStart start;
  start.error = -1;  // treehold_child_leave, which shares our memory, sets it to 0
  const Cloned child = clone_sharing_memory(&treehold_child_leave, start, cgroup);
  if (child.pid < 0) {
    return false;
  }
  reap_failed(child);
  return start.error == 0;
}

}  // namespace treehold::inline v0::platform
