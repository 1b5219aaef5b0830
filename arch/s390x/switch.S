/* SPDX-License-Identifier: MIT */
/*
 * Switch between kernel contexts: the callee-saved registers (ELF ABI s390x supplement, 1.2.1) go to the save area that
 * the caller provides at its stack pointer.
 */
#include <quire/asm.h>
#include "asm_offsets.h"

#define SAVED_R6 48 /* where the ABI keeps r6 to r15 */

    .text
/* void arch_switch(struct arch_context *prev, struct arch_context *next) */
FUNC(arch_switch)
    stmg %r6, %r15, SAVED_R6(%r15)
    stg %r15, 0(%r2)
    lg %r15, 0(%r3)
    lmg %r6, %r15, SAVED_R6(%r15)
    br %r14
END(arch_switch)

/* First code of a new context: r6 = fn, r7 = arg (arch_context_init). */
FUNC(context_start)
    lgr %r2, %r7
    basr %r14, %r6
    .insn e, 0x0000 /* an invalid instruction: fn never returns */
END(context_start)

/* vaddr_t arch_frame_pointer(void): the stack pointer of the caller's caller */
FUNC(arch_frame_pointer)
    lg %r2, 0(%r15)
    br %r14
END(arch_frame_pointer)

    .section .note.GNU-stack, "", %progbits
