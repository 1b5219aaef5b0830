/* SPDX-License-Identifier: MIT */
/*
 * Kernel contexts (the registers that a switch saves) and the floating-point state of user threads: the vector
 * registers, whose left halves are f0-f15, the control register, and the access registers. The kernel never uses access
 * registers; user space keeps its thread pointer in a0 and a1.
 */
#pragma once

#include <quire/types.h>

#define ARCH_USER_FRAME_IS_OWN 1 /* r14 of a function is in its caller's frame */

struct trapframe;

struct arch_context {
    u64 sp; /* callee-saved registers are in the save area there */
};

struct arch_fpu {
    u64 v[32][2];
    u32 access[16];
    u32 fpc;
};

#define ARCH_FPU_INLINE 1
static inline void arch_fpu_save(struct arch_fpu *fpu)
{
    __asm__ volatile(".machine push\n\t.machine \"z13\"\n\t"
                     "vstm %%v0,%%v15,0(%1)\n\tvstm %%v16,%%v31,256(%1)\n\tstam %%a0,%%a15,%2\n\tstfpc %3\n\t.machine pop"
                     : "=m"(fpu->v)
                     : "a"(fpu->v), "Q"(fpu->access), "Q"(fpu->fpc)
                     : "memory");
}

static inline void arch_fpu_restore(const struct arch_fpu *fpu)
{
    __asm__ volatile(".machine push\n\t.machine \"z13\"\n\t"
                     "vlm %%v0,%%v15,0(%0)\n\tvlm %%v16,%%v31,256(%0)\n\tlam %%a0,%%a15,%1\n\tlfpc %2\n\t.machine pop"
                     :
                     : "a"(fpu->v), "Q"(fpu->access), "Q"(fpu->fpc)
                     : "memory");
}
