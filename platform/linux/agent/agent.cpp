// The helper program: started inside a leaf (or joining one), it makes itself what the plan asks for and
// then becomes the program. It has memory of its own, so nothing it changes can reach the host, and no
// libc, so that starting it costs next to nothing.
//
// Nothing here may allocate, and nothing returns: a step succeeds or the child reports and ends.
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "order.hpp"
#include "../raw_syscall.hpp"

namespace treehold::inline v0::platform {
namespace {

constexpr int enoent = 2;
constexpr int einval = 22;
constexpr long signal_set_size = 8;
constexpr int signal_count = 64;
constexpr unsigned close_range_cloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11

struct KernelSigaction {
  void* handler;
  unsigned long flags;
  void* restorer;
  unsigned long mask;
};

int report_descriptor = -1;

[[noreturn]] void leave(int status) {
  for (;;) {
    raw_syscall(__NR_exit_group, status);
  }
}

void report(AgentStage stage, long result) {
  AgentReport message;
  message.stage = stage;
  message.error = static_cast<std::int32_t>(-result);
  raw_syscall(__NR_write, report_descriptor, raw_syscall_of(&message), sizeof message);
}

[[noreturn]] void fail(AgentStage stage, long result) {
  report(stage, result);
  leave(127);
}

/// Passes a result through, or ends the child when it is an error.
long must(AgentStage stage, long result) {
  if (result < 0) {
    fail(stage, result);
  }
  return result;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') {
    return c - '0';
  }
  if (c >= 'a' && c <= 'f') {
    return c - 'a' + 10;
  }
  return -1;
}

/// Reads hexadecimal pairs into `bytes`; the number of bytes, at most `capacity`.
std::size_t decode(const char* text, unsigned char* bytes, std::size_t capacity) {
  std::size_t count = 0;
  while (count < capacity && text[0] != '\0' && text[1] != '\0') {
    bytes[count++] = static_cast<unsigned char>(hex_digit(text[0]) * 16 + hex_digit(text[1]));
    text += 2;
  }
  return count;
}

void join_container(const LaunchOrder& order) {
  if (order.container >= 0) {
    must(AgentStage::container, raw_syscall(__NR_write, order.container, raw_syscall_of("0"), 1));
  }
}

void open_session(const LaunchOrder& order) {
  if (order.new_session != 0) {
    must(AgentStage::session, raw_syscall(__NR_setsid));
  } else if (order.new_process_group != 0) {
    must(AgentStage::session, raw_syscall(__NR_setpgid, 0, 0));
  }
}

/// Gives one standard stream its place. All sources are above 2, or are the stream itself.
void wire(const LaunchOrder& order, int stream, const char* path) {
  const auto stage = static_cast<AgentStage>(static_cast<int>(AgentStage::standard_input) + stream);
  long source = -1;
  int flags = stream == 0 ? O_RDONLY : O_WRONLY;
  switch (order.streams[stream]) {
    case AgentStream::keep:
      return;
    case AgentStream::descriptor:
      source = order.descriptors[stream];
      break;
    case AgentStream::to_stdout:
      source = 1;
      break;
    case AgentStream::null:
      path = "/dev/null";
      break;
    case AgentStream::read_file:
      break;
    case AgentStream::create_file:
      flags |= O_CREAT | O_TRUNC;
      break;
    case AgentStream::append_file:
      flags |= O_CREAT | O_APPEND;
      break;
  }
  if (source < 0) {
    source = must(stage, raw_syscall(__NR_openat, AT_FDCWD, raw_syscall_of(path), flags | O_NOCTTY, 0666));
  }
  if (source != stream) {
    must(stage, raw_syscall(__NR_dup3, source, stream, 0));
  }
}

void limit_resources(const LaunchOrder& order) {
  for (std::uint32_t i = 0; i < order.limit_count && i < agent_limits; ++i) {
    const AgentLimit& limit = order.limits[i];
    must(AgentStage::resource_limits,
         raw_syscall(__NR_prlimit64, 0, limit.resource, raw_syscall_of(&limit.soft), 0));
  }
}

void schedule(const LaunchOrder& order, const char* cpus) {
  if (order.set_nice != 0) {
    must(AgentStage::priority, raw_syscall(__NR_setpriority, 0, 0, order.nice));
  }
  if (cpus[0] != '\0') {
    unsigned char mask[1024];
    const std::size_t size = decode(cpus, mask, sizeof mask);
    must(AgentStage::affinity,
         raw_syscall(__NR_sched_setaffinity, 0, static_cast<long>(size), raw_syscall_of(mask)));
  }
}

/// Groups, then group, then user: each needs the privilege that the next one may give up.
void change_credentials(const LaunchOrder& order, char* groups) {
  if (order.set_groups != 0) {
    // Decoded in place: the text is twice as long as the numbers, and starts where they shall stand.
    auto* bytes = reinterpret_cast<unsigned char*>(groups);
    const std::size_t length = decode(groups, bytes, static_cast<std::size_t>(-1));
    static std::uint32_t list[65536];  // NGROUPS_MAX
    const std::size_t count = length / sizeof list[0];
    for (std::size_t i = 0; i < count && i < 65536; ++i) {
      list[i] = static_cast<std::uint32_t>(bytes[4 * i]) | static_cast<std::uint32_t>(bytes[4 * i + 1]) << 8 |
                static_cast<std::uint32_t>(bytes[4 * i + 2]) << 16 |
                static_cast<std::uint32_t>(bytes[4 * i + 3]) << 24;
    }
    must(AgentStage::credentials,
         raw_syscall(__NR_setgroups, static_cast<long>(count), raw_syscall_of(list)));
  }
  if (order.set_gid != 0) {
    must(AgentStage::credentials, raw_syscall(__NR_setresgid, order.gid, order.gid, order.gid));
  }
  if (order.set_uid != 0) {
    must(AgentStage::credentials, raw_syscall(__NR_setresuid, order.uid, order.uid, order.uid));
  }
  if (order.no_new_privileges != 0) {
    must(AgentStage::credentials, raw_syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
  }
}

/// Default dispositions and an empty mask, whatever the host ignores or blocks.
void reset_signals() {
  const KernelSigaction standard{};
  for (int signal = 1; signal <= signal_count; ++signal) {
    raw_syscall(__NR_rt_sigaction, signal, raw_syscall_of(&standard), 0, signal_set_size);
  }
  const unsigned long none = 0;
  raw_syscall(__NR_rt_sigprocmask, 2 /* SIG_SETMASK */, raw_syscall_of(&none), 0, signal_set_size);
}

[[noreturn]] void launch(char** argv, char** environment) {
  LaunchOrder order;
  if (decode(argv[2], reinterpret_cast<unsigned char*>(&order), sizeof order) != sizeof order ||
      order.protocol != agent_protocol) {
    leave(127);
  }
  report_descriptor = order.report;
  join_container(order);
  open_session(order);
  for (int stream = 0; stream < 3; ++stream) {
    wire(order, stream, argv[4 + stream]);
  }
  limit_resources(order);
  schedule(order, argv[8]);
  if (order.set_umask != 0) {
    raw_syscall(__NR_umask, order.umask);
  }
  change_credentials(order, argv[7]);
  // After the credentials: a directory that only the new user may enter, and none that he may not.
  if (argv[3][0] != '\0') {
    must(AgentStage::working_directory, raw_syscall(__NR_chdir, raw_syscall_of(argv[3])));
  }
  must(AgentStage::execute, raw_syscall(__NR_close_range, 3, ~0U, close_range_cloexec));
  reset_signals();
  report(AgentStage::executing, 0);
  fail(AgentStage::execute, raw_syscall(__NR_execve, raw_syscall_of(argv[9]), raw_syscall_of(argv + 10),
                                        raw_syscall_of(environment)));
}

bool equal(const char* a, const char* b) {
  while (*a != '\0' && *a == *b) {
    ++a;
    ++b;
  }
  return *a == *b;
}

}  // namespace

extern "C" [[noreturn]] __attribute__((used)) void treehold_agent_main(long* stack) {
  const long count = stack[0];
  char** argv = reinterpret_cast<char**>(stack + 1);
  if (count > 10 && equal(argv[1], "launch")) {
    launch(argv, argv + count + 1);
  }
  static constexpr char usage[] = "treehold-agent is started by treehold, not by people\n";
  raw_syscall(__NR_write, 2, raw_syscall_of(usage), sizeof usage - 1);
  leave(127);
}

}  // namespace treehold::inline v0::platform

// The kernel enters here with the argument count on top of the stack.
#if defined(__x86_64__)
asm(".globl _start\n_start:\n  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n"
    "  call treehold_agent_main\n  hlt\n");
#elif defined(__aarch64__)
asm(".globl _start\n_start:\n  mov x29, xzr\n  mov x30, xzr\n  mov x0, sp\n  bl treehold_agent_main\n");
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
