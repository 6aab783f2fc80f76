// long treehold_raw_clone(long number, long a, long b, long c, long d, long e)
//
// Makes the system call `number` (clone or clone3) with five arguments. The parent gets the result. The
// child arrives on the new stack that the arguments name, on which the caller has left a function and its
// argument: it calls the one with the other and exits with what that returns. Code that returns twice on
// one stack is not safe to leave to a compiler, which is why this is assembly.

        .text
        .globl  treehold_raw_clone
        .hidden treehold_raw_clone
        .type   treehold_raw_clone, %function

#if defined(__x86_64__)
treehold_raw_clone:
        .cfi_startproc
        endbr64
        movq    %rdi, %rax
        movq    %rsi, %rdi
        movq    %rdx, %rsi
        movq    %rcx, %rdx
        movq    %r8, %r10
        movq    %r9, %r8
        syscall
        testq   %rax, %rax
        jz      1f
        ret
1:      .cfi_undefined rip
        xorl    %ebp, %ebp
        popq    %rax
        popq    %rdi
        call    *%rax
        movl    %eax, %edi
        movl    $231, %eax              // exit_group
        syscall
        hlt
        .cfi_endproc
#elif defined(__aarch64__)
treehold_raw_clone:
        .cfi_startproc
        mov     x8, x0
        mov     x0, x1
        mov     x1, x2
        mov     x2, x3
        mov     x3, x4
        mov     x4, x5
        svc     #0
        cbz     x0, 1f
        ret
1:      .cfi_undefined x30
        mov     x29, xzr
        ldp     x1, x0, [sp], #16
        blr     x1
        mov     x8, #94                 // exit_group
        svc     #0
        brk     #1
        .cfi_endproc
#else
#error "treehold knows clone of x86-64 and aarch64"
#endif
        .size   treehold_raw_clone, . - treehold_raw_clone
        .section .note.GNU-stack, "", %progbits
