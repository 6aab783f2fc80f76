// System calls without libc: for the helper program, which has none, and for the moments in which a
// child shares the host's memory and must not touch errno, locks or anything else of libc's.
//
// Always inlined: no copy of a call may be the one that other code was given, which sanitizers
// instrument.
//
// A result in [-4095, -1] is a negated errno, as the kernel returns it (syscall(2), "Architecture
// calling conventions").
#pragma once

#include <asm/unistd.h>

namespace treehold::inline v0::platform {

#if defined(__x86_64__)

[[gnu::always_inline]] inline long raw_syscall(long number, long a = 0, long b = 0, long c = 0,
                                               long d = 0, long e = 0) {
  long result;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}

#elif defined(__aarch64__)

[[gnu::always_inline]] inline long raw_syscall(long number, long a = 0, long b = 0, long c = 0,
                                               long d = 0, long e = 0) {
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory", "cc");
  return x0;
}

#else
#error "treehold knows the system calls of x86-64 and aarch64"
#endif

[[gnu::always_inline]] inline long raw_syscall_of(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

}  // namespace treehold::inline v0::platform
