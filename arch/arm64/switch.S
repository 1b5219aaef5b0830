/* SPDX-License-Identifier: MIT */
/* Switch between kernel contexts and between user floating-point states. */
#include <quire/asm.h>
#include "asm_offsets.h"

.macro ALL_Q op
    \op q0, q1, [x0, #0]
    \op q2, q3, [x0, #32]
    \op q4, q5, [x0, #64]
    \op q6, q7, [x0, #96]
    \op q8, q9, [x0, #128]
    \op q10, q11, [x0, #160]
    \op q12, q13, [x0, #192]
    \op q14, q15, [x0, #224]
    \op q16, q17, [x0, #256]
    \op q18, q19, [x0, #288]
    \op q20, q21, [x0, #320]
    \op q22, q23, [x0, #352]
    \op q24, q25, [x0, #384]
    \op q26, q27, [x0, #416]
    \op q28, q29, [x0, #448]
    \op q30, q31, [x0, #480]
.endm

    .text
/* void arch_switch(struct arch_context *prev, struct arch_context *next) */
FUNC(arch_switch)
    mov x9, sp
    stp x19, x20, [x0, #0]
    stp x21, x22, [x0, #16]
    stp x23, x24, [x0, #32]
    stp x25, x26, [x0, #48]
    stp x27, x28, [x0, #64]
    stp x29, x30, [x0, #CTX_FP]
    str x9, [x0, #CTX_SP]
    ldp x19, x20, [x1, #0]
    ldp x21, x22, [x1, #16]
    ldp x23, x24, [x1, #32]
    ldp x25, x26, [x1, #48]
    ldp x27, x28, [x1, #64]
    ldp x29, x30, [x1, #CTX_FP]
    ldr x9, [x1, #CTX_SP]
    mov sp, x9
    clrex /* an exclusive load of the old thread must not let a store of the next thread succeed */
    ret
END(arch_switch)

/* First code of a new context: x19 = fn, x20 = arg (arch_context_init). */
FUNC(context_start)
    mov x0, x20
    blr x19
    brk #0
END(context_start)

/* void arch_fpu_save(struct arch_fpu *) */
FUNC(arch_fpu_save)
    ALL_Q stp
    mrs x1, fpcr
    mrs x2, fpsr
    str x1, [x0, #FPU_FPCR]
    str x2, [x0, #FPU_FPSR]
    ret
END(arch_fpu_save)

/* void arch_fpu_restore(const struct arch_fpu *) */
FUNC(arch_fpu_restore)
    ALL_Q ldp
    ldr x1, [x0, #FPU_FPCR]
    ldr x2, [x0, #FPU_FPSR]
    msr fpcr, x1
    msr fpsr, x2
    ret
END(arch_fpu_restore)

    .section .note.GNU-stack, "", %progbits
