// The two ways to clone onto a separate stack, see raw.hpp.

// clang-format off
#if defined(__x86_64__)
asm(R"(
  .text
  .globl raw_clone3
  .type raw_clone3, @function
raw_clone3:                 # rdi args, rsi size, rdx child_main, rcx argument
  endbr64
  mov %rcx, %r8             # the system call clobbers rcx and r11 only
  mov $435, %eax
  syscall
  test %eax, %eax
  jz 1f
  ret
1:
  xor %ebp, %ebp
  mov %r8, %rdi
  call *%rdx
  mov %eax, %edi
  mov $60, %eax
  syscall
  hlt
  .size raw_clone3, . - raw_clone3

  .globl raw_clone
  .type raw_clone, @function
raw_clone:                  # rdi flags, rsi stack, rdx pidfd, rcx child_main, r8 argument
  endbr64
  mov %rcx, %r9
  xor %r10d, %r10d          # child_tid; tls (r8) is not read without CLONE_SETTLS
  mov $56, %eax
  syscall
  test %eax, %eax
  jz 1f
  ret
1:
  xor %ebp, %ebp
  mov %r8, %rdi
  call *%r9
  mov %eax, %edi
  mov $60, %eax
  syscall
  hlt
  .size raw_clone, . - raw_clone
  .section .note.GNU-stack, "", @progbits
  .text
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .globl raw_clone3
  .type raw_clone3, %function
raw_clone3:                 // x0 args, x1 size, x2 child_main, x3 argument
  mov x8, #435
  svc #0
  cbz x0, 1f
  ret
1:
  mov x29, #0
  mov x30, #0
  mov x0, x3
  blr x2
  mov x8, #93
  svc #0
  brk #1
  .size raw_clone3, . - raw_clone3

  .globl raw_clone
  .type raw_clone, %function
raw_clone:                  // x0 flags, x1 stack, x2 pidfd, x3 child_main, x4 argument
  mov x8, #220              // tls (x3) and child_tid (x4) are not read without their flags
  svc #0
  cbz x0, 1f
  ret
1:
  mov x29, #0
  mov x30, #0
  mov x0, x4
  blr x3
  mov x8, #93
  svc #0
  brk #1
  .size raw_clone, . - raw_clone
  .section .note.GNU-stack, "", %progbits
  .text
)");
#else
#error "clone of this architecture is not written down"
#endif
