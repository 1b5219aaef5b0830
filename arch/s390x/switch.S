/* SPDX-License-Identifier: MIT */
/*
 * Switch between kernel contexts: the callee-saved registers (ELF ABI s390x supplement, 1.2.1) go to the save area that
 * the caller provides at its stack pointer. Also the switch of registers that only user code uses: floating point,
 * vectors, access registers.
 */
#include <quire/asm.h>
#include "asm_offsets.h"

#define SAVED_R6 48 /* where the ABI keeps r6 to r15 */
#define FPU_ACCESS (32 * 16)
#define FPU_FPC (FPU_ACCESS + 16 * 4)

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

    .machinemode zarch
    .machine "z13"
/* void arch_fpu_save(struct arch_fpu *) */
FUNC(arch_fpu_save)
    vstm %v0, %v15, 0(%r2)
    vstm %v16, %v31, 256(%r2)
    stam %a0, %a15, FPU_ACCESS(%r2)
    stfpc FPU_FPC(%r2)
    br %r14
END(arch_fpu_save)

/* void arch_fpu_restore(const struct arch_fpu *) */
FUNC(arch_fpu_restore)
    vlm %v0, %v15, 0(%r2)
    vlm %v16, %v31, 256(%r2)
    lam %a0, %a15, FPU_ACCESS(%r2)
    lfpc FPU_FPC(%r2)
    br %r14
END(arch_fpu_restore)

    .section .note.GNU-stack, "", %progbits
