// System calls without a C library: what the helper has nothing else for, and what a child that
// shares its parent's memory may use. They return -errno on failure and touch neither errno nor
// thread-local storage.
#pragma once

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

namespace raw {

#if defined(__x86_64__)

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  long result = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                 long f = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  register long x5 asm("x5") = f;
  asm volatile("svc 0"
               : "+r"(x0)
               : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
               : "memory");
  return x0;
}

#else
#error "system calls of this architecture are not written down"
#endif

inline long address(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

// clone_args of clone3(2), version 2 (with the cgroup field, Linux 5.7).
struct CloneArgs {
  uint64_t flags = 0;
  uint64_t pidfd = 0;
  uint64_t child_tid = 0;
  uint64_t parent_tid = 0;
  uint64_t exit_signal = 0;
  uint64_t stack = 0;
  uint64_t stack_size = 0;
  uint64_t tls = 0;
  uint64_t set_tid = 0;
  uint64_t set_tid_size = 0;
  uint64_t cgroup = 0;
};

constexpr uint64_t clone_vm = 0x100;
constexpr uint64_t clone_pidfd = 0x1000;
constexpr uint64_t clone_vfork = 0x4000;
constexpr uint64_t clone_parent = 0x8000;
constexpr uint64_t clone_clear_sighand = 0x100000000;
constexpr uint64_t clone_into_cgroup = 0x200000000;

constexpr int signal_child = 17;

using ChildMain = int (*)(void*);

// In clone_entry.cpp: clone onto another stack, where the child calls `child_main(argument)` and
// exits with its result. A function that returned in both would run twice on one stack.
extern "C" long raw_clone3(CloneArgs* args, size_t size, ChildMain child_main, void* argument);
extern "C" long raw_clone(uint64_t flags, void* stack_top, int* pidfd, ChildMain child_main,
                          void* argument);

// All 64 signals; libc's wrapper would leave its own two open.
inline void set_signal_mask(uint64_t mask, uint64_t* before) {
  constexpr long set_mask = 2;
  call(__NR_rt_sigprocmask, set_mask, address(&mask), address(before), sizeof mask);
}

// What every contained program gets: default dispositions (also of ignored signals), an empty mask,
// and no descriptor above 2.
inline void clean_child() {
  struct {
    uint64_t words[4];
  } default_action = {};
  for (long signal = 1; signal <= 64; ++signal) {
    if (signal == 9 || signal == 19) continue;
    call(__NR_rt_sigaction, signal, address(&default_action), 0, sizeof(uint64_t));
  }
  constexpr long close_range_cloexec = 4;
  call(__NR_close_range, 3, 0xFFFFFFFF, close_range_cloexec);
  set_signal_mask(0, nullptr);
}

// What goes through the report pipe. Its end without a record means: the program is being executed.
enum class Stage : int32_t { pid = 1, helper = 2, leaf = 3, hop = 4, plan = 5, exec = 6 };
struct Record {
  Stage stage;
  int32_t value;
};

inline void report(int descriptor, Stage stage, long value) {
  const Record record{stage, static_cast<int32_t>(value)};
  call(__NR_write, descriptor, address(&record), sizeof record);
}

// The fixed part of the plan: one string of hexadecimal digits in the helper's argv.
enum class Entry : uint32_t { here, join, hop, hop_sharing };
struct Fixed {
  uint32_t entry;
  uint32_t report;
  uint32_t leaf;  // cgroup.procs for `join`, the directory for `hop`
  uint32_t plan;  // the memory file; 0: the plan is in argv and envp
};
constexpr size_t fixed_fields = sizeof(Fixed) / sizeof(uint32_t);
constexpr size_t fixed_digits = fixed_fields * 8;

// The plan in a memory file: this header, then offsets (program, argv, 0, envp, 0), then the
// strings.
struct MemoryPlan {
  uint64_t size;
  uint64_t argument_count;
};

}  // namespace raw
