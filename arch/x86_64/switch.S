/* SPDX-License-Identifier: MIT */
/* Changing kernel stacks. The callee-saved registers of the System V ABI (x86-64 psABI 3.2.1). */
#include <quire/asm.h>
#include "asm_offsets.h"

    .text
/* void arch_switch(struct arch_context *prev, struct arch_context *next) */
FUNC(arch_switch)
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, CONTEXT_SP(%rdi)
    movq CONTEXT_SP(%rsi), %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
END(arch_switch)

/* Where a new context returns to: r12 = function, r13 = argument (context.c). */
FUNC(context_start)
    movq %r13, %rdi
    xorl %ebp, %ebp /* the end of every backtrace */
    call *%r12
    ud2
END(context_start)

/* vaddr_t arch_frame_pointer(void): a C function would return its own, which ends with it */
FUNC(arch_frame_pointer)
    mov %rbp, %rax
    ret
END(arch_frame_pointer)

    .section .note.GNU-stack, "", @progbits
