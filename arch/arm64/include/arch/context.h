/* SPDX-License-Identifier: MIT */
/* Kernel contexts (the registers that a switch saves) and the state of user threads outside the trap frame. */
#pragma once

#include <quire/types.h>
#include <arch/sysreg.h>

struct trapframe;

/* Callee-saved registers (AAPCS64 6.1.1); floating point is user state and isn't among them. */
struct arch_context {
    u64 x19_x28[10];
    u64 fp, lr;
    u64 sp;
};

/* Saved at a switch only, never on the way in and out of the kernel. */
struct arch_fpu {
    u64 q[32][2] __aligned(16);
    u64 fpcr, fpsr;
    u64 tpidr; /* TPIDR_EL0, the user's thread pointer: arch_own_save() */
};

#define ARCH_OWN_REGISTERS 1
static inline void arch_own_save(struct arch_fpu *fpu) { fpu->tpidr = sysreg_read(tpidr_el0); }
static inline void arch_own_restore(const struct arch_fpu *fpu) { sysreg_write(tpidr_el0, fpu->tpidr); }
static inline void arch_own_swap(struct arch_fpu *from, const struct arch_fpu *to)
{
    arch_own_save(from);
    arch_own_restore(to);
}
