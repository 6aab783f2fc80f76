// The helper program, in four roles. It has memory of its own, so that nothing it changes can
// reach the host, and no libc, so that it costs little. It is vforked in the host's own cgroup.
//
//     launch   becomes a program whose start must not share the host's memory (another user,
//              limits): either has a copy of itself born in the leaf and ends, or joins the leaf
//     keep     stays as the parent of the program's process and of what is orphaned below it:
//              keeper.hpp
//     probe    tells whether a child can be born in a cgroup
//     guard    ends the host's groups when the host has gone: guardian.hpp
#include "../become.hpp"
#include "../order.hpp"
#include "../raw_syscall.hpp"
#include "birth.hpp"
#include "guardian.hpp"
#include "keeper.hpp"
#include "text.hpp"

namespace treehold::inline v0::platform {
namespace {

constexpr std::size_t most_groups = 65536;  // NGROUPS_MAX
constexpr std::size_t most_cpu_bytes = 1024;

/// Goes on in a child of the host's that is born in the leaf.
void hop(const LaunchOrder& order) {
  int pidfd = -1;
  const long child = clone_into(order.leaf, CLONE_PARENT, pidfd);
  if (child != 0) {
    tell_birth(order.handover, child, pidfd);
    becoming::leave(0);
  }
  raw_syscall(__NR_close, order.handover);
}

void erase(char** texts) {
  for (; *texts != nullptr; ++texts) {
    for (char* at = *texts; *at != '\0'; ++at) {
      *at = '\0';
    }
  }
}

[[noreturn]] void launch(char** argv, char** environment) {
  static std::uint32_t groups[most_groups];
  static unsigned char cpus[most_cpu_bytes];
  Becoming self;
  if (decode(argv[2], &self.order, sizeof self.order) != sizeof self.order ||
      self.order.protocol != agent_protocol) {
    becoming::leave(127);
  }
  if (equal(argv[1], "keep")) {
    if (const std::int32_t leader = bear_leader(self.order)) {
      // Who looks for the program by its arguments or its environment is not to find its keeper.
      erase(argv + 2);
      erase(environment);
      become_keeper(self.order, leader);
    }
  } else if (self.order.leaf >= 0) {
    hop(self.order);
  }
  self.directory = argv[3];
  for (int stream = 0; stream < 3; ++stream) {
    self.files[stream] = argv[4 + stream];
  }
  self.groups = groups;
  self.group_count = decode(argv[7], groups, sizeof groups) / sizeof groups[0];
  self.cpus = cpus;
  self.cpu_bytes = decode(argv[8], cpus, sizeof cpus);
  self.program = argv[9];
  self.argv = argv + 10;
  self.environment = environment;
  become(self);
}

/// Tells of a child that is born in a cgroup and ends of its own accord. A seccomp filter that
/// kills who tries that ends us, and not the host.
[[noreturn]] void probe(char** argv) {
  ProbeOrder order;
  if (decode(argv[2], &order, sizeof order) != sizeof order || order.protocol != agent_protocol) {
    becoming::leave(127);
  }
  keeper::count_on_exit_statuses();
  int pidfd = -1;
  long child = clone_into(order.leaf, 0, pidfd);
  if (child == 0) {
    becoming::leave(0);
  }
  siginfo_t info{};
  constexpr long by_pidfd = 3;  // P_PIDFD
  if (child > 0 &&
      (raw_syscall(__NR_waitid, by_pidfd, pidfd, raw_syscall_of(&info), WEXITED, 0) < 0 ||
       info.si_code != CLD_EXITED)) {
    constexpr long killed = -4;  // EINTR
    child = killed;
  }
  tell_birth(order.handover, child, pidfd);
  becoming::leave(0);
}

[[noreturn]] void guard(char** argv) {
  GuardOrder order;
  if (decode(argv[2], &order, sizeof order) != sizeof order || order.protocol != agent_protocol) {
    becoming::leave(127);
  }
  become_guardian(order);
}

}  // namespace

extern "C" [[noreturn]] __attribute__((used)) void treehold_agent_main(long* stack) {
  const long count = stack[0];
  char** argv = reinterpret_cast<char**>(stack + 1);
  if (count > 10 && (equal(argv[1], "launch") || equal(argv[1], "keep"))) {
    launch(argv, argv + count + 1);
  }
  if (count == 3 && equal(argv[1], "probe")) {
    probe(argv);
  }
  if (count == 3 && equal(argv[1], "guard")) {
    guard(argv);
  }
  static constexpr char usage[] = "treehold-agent is started by treehold, not by people\n";
  raw_syscall(__NR_write, 2, raw_syscall_of(usage), sizeof usage - 1);
  becoming::leave(127);
}

}  // namespace treehold::inline v0::platform

// The kernel enters here with the argument count on top of the stack.
#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n"
    "  call treehold_agent_main\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, xzr\n  mov x30, xzr\n  mov x0, sp\n  bl "
    "treehold_agent_main\n");
#endif

// The compiler may call these for copies and initialisations; there is no libc to have them.
extern "C" void* memcpy(void* to, const void* from, std::size_t size) {
  auto* target = static_cast<volatile unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < size; ++i) {
    target[i] = source[i];
  }
  return to;
}
extern "C" void* memset(void* to, int value, std::size_t size) {
  auto* target = static_cast<volatile unsigned char*>(to);
  for (std::size_t i = 0; i < size; ++i) {
    target[i] = static_cast<unsigned char>(value);
  }
  return to;
}
