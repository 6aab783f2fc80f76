// The helper of the benchmark: a freestanding program of a few KB that enters the leaf, where it is
// not born there, brings itself into a clean state and executes the program.
//
//     helper FIXED PROGRAM ARGV0 ARGV1 ...       (environment: the program's)
//     helper FIXED                               (plan in the memory file named in FIXED)

#include "raw.hpp"

// clang-format off
#if defined(__x86_64__)
asm(".text\n.globl _start\n_start:\n"
    "  xor %ebp, %ebp\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call helper_main\n  hlt\n");
#elif defined(__aarch64__)
asm(".text\n.globl _start\n_start:\n"
    "  mov x29, #0\n  mov x30, #0\n  mov x0, sp\n  bl helper_main\n  brk #1\n");
#endif
// clang-format on

namespace {

struct Program {
  const char* path;
  char** arguments;
  char** environment;
};

struct Errand {
  raw::Fixed fixed;
  Program program;
};

[[noreturn]] void leave(int code) {
  for (;;) raw::call(__NR_exit_group, code);
}

[[noreturn]] void fail(const Errand& errand, raw::Stage stage, long result) {
  raw::report(static_cast<int>(errand.fixed.report), stage, -result);
  leave(127);
}

uint32_t digit(char character) {
  return static_cast<uint32_t>(character <= '9' ? character - '0' : character - 'a' + 10);
}

raw::Fixed parse_fixed(const char* digits) {
  uint32_t fields[raw::fixed_fields];
  for (uint32_t& field : fields) {
    field = 0;
    for (int i = 0; i < 8; ++i) field = field << 4 | digit(*digits++);
  }
  return {fields[0], fields[1], fields[2], fields[3]};
}

// Maps the memory file privately and turns its offsets into pointers, in place.
void read_memory_plan(Errand& errand) {
  constexpr long page = 4096;
  constexpr long read_write = 3;
  constexpr long map_private = 2;
  const long descriptor = static_cast<long>(errand.fixed.plan);
  raw::MemoryPlan header{};
  const long got = raw::call(__NR_pread64, descriptor, raw::address(&header), sizeof header, 0);
  if (got != static_cast<long>(sizeof header)) fail(errand, raw::Stage::plan, got);
  const long length = (static_cast<long>(header.size) + page - 1) / page * page;
  const long base = raw::call(__NR_mmap, 0, length, read_write, map_private, descriptor, 0);
  if (base < 0 && base > -page) fail(errand, raw::Stage::plan, base);
  char** entry = reinterpret_cast<char**>(base + static_cast<long>(sizeof header));
  const auto relocate = [base](char*& pointer) { pointer += base; };
  relocate(*entry);
  errand.program.path = *entry++;
  errand.program.arguments = entry;
  for (; *entry != nullptr; ++entry) relocate(*entry);
  errand.program.environment = ++entry;
  for (; *entry != nullptr; ++entry) relocate(*entry);
}

int execute(void* argument) {
  const Errand& errand = *static_cast<Errand*>(argument);
  raw::clean_child();
  const long result =
      raw::call(__NR_execve, raw::address(errand.program.path),
                raw::address(errand.program.arguments), raw::address(errand.program.environment));
  fail(errand, raw::Stage::exec, result);
}

alignas(16) char second_stack[4096];

// Makes the program a child of the host, born in the leaf. With `sharing` it uses this helper's
// memory until it executes; the host's is not touched in either case.
[[noreturn]] void hop(Errand& errand, bool sharing) {
  raw::CloneArgs args;
  args.flags = raw::clone_into_cgroup | raw::clone_parent;
  args.cgroup = errand.fixed.leaf;
  if (sharing) args.flags |= raw::clone_vm;
  args.stack = reinterpret_cast<uint64_t>(second_stack);
  args.stack_size = sizeof second_stack;
  const long pid = raw::raw_clone3(&args, sizeof args, execute, &errand);
  if (pid < 0) fail(errand, raw::Stage::hop, pid);
  raw::report(static_cast<int>(errand.fixed.report), raw::Stage::pid, pid);
  leave(0);
}

}  // namespace

extern "C" [[noreturn]] void helper_main(long* stack);
extern "C" [[noreturn]] void helper_main(long* stack) {
  const long count = stack[0];
  char** arguments = reinterpret_cast<char**>(stack + 1);
  if (count < 2) leave(126);
  Errand errand{parse_fixed(arguments[1]), {}};
  if (errand.fixed.plan != 0) {
    read_memory_plan(errand);
  } else {
    if (count < 4) leave(126);
    errand.program = {arguments[2], arguments + 3, arguments + count + 1};
  }
  switch (static_cast<raw::Entry>(errand.fixed.entry)) {
    case raw::Entry::here: break;
    case raw::Entry::join: {
      const long written =
          raw::call(__NR_write, static_cast<long>(errand.fixed.leaf), raw::address("0"), 1);
      if (written != 1) fail(errand, raw::Stage::leaf, written);
      break;
    }
    case raw::Entry::hop: hop(errand, false);
    case raw::Entry::hop_sharing: hop(errand, true);
  }
  leave(execute(&errand));
}
