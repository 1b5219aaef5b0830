/* SPDX-License-Identifier: MIT */
/*
 * setjmp and longjmp: the callee-saved registers of the x86-64 psABI (3.2.1), and the control bits of SSE and x87,
 * which are callee-saved too.
 */
#include <quire/asm.h>

    .text
FUNC(setjmp)
    movq %rbx, 0(%rdi)
    movq %rbp, 8(%rdi)
    movq %r12, 16(%rdi)
    movq %r13, 24(%rdi)
    movq %r14, 32(%rdi)
    movq %r15, 40(%rdi)
    leaq 8(%rsp), %rax /* its value after the return */
    movq %rax, 48(%rdi)
    movq (%rsp), %rax
    movq %rax, 56(%rdi)
    stmxcsr 64(%rdi)
    fnstcw 68(%rdi)
    xorl %eax, %eax
    ret
END(setjmp)

FUNC(longjmp)
    movl %esi, %eax
    cmpl $1, %eax /* 0 becomes 1: carry only if 0 */
    adcl $0, %eax
    movq 0(%rdi), %rbx
    movq 8(%rdi), %rbp
    movq 16(%rdi), %r12
    movq 24(%rdi), %r13
    movq 32(%rdi), %r14
    movq 40(%rdi), %r15
    movq 48(%rdi), %rsp
    ldmxcsr 64(%rdi)
    fldcw 68(%rdi)
    jmp *56(%rdi)
END(longjmp)

    .section .note.GNU-stack, "", @progbits
