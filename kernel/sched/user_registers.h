/* SPDX-License-Identifier: MIT */
/*
 * Registers that only user mode uses, and that no trap saves. An ordinary switch saves and loads them. A hand-over
 * (sched_hand_over()) leaves the floating-point registers of machines with ARCH_FPU_LAZY in the CPU: percpu.fpu_owner says
 * whose they are. Only their owner may use them. When another thread tries, trap_fpu() saves and loads; an ordinary switch
 * saves them in any case. Until then their owner doesn't go to another CPU: stays_for_fpu().
 */
#pragma once

#include <quire/thread.h>

/* No thread owns the CPU's floating-point registers after this. Interrupts off. */
static inline void save_fpu(struct percpu *cpu)
{
    if (!cpu->fpu_owner)
        return;
    arch_fpu_save(&cpu->fpu_owner->fpu);
    __atomic_store_n(&cpu->fpu_owner, NULL, __ATOMIC_RELEASE); /* from now on the owner may go */
}

static inline void load_fpu(struct percpu *cpu, struct thread *t)
{
    arch_fpu_restore(&t->fpu);
    cpu->fpu_owner = t;
    tf_allow_fpu(arch_user_frame(t->stack_top), true);
}

static inline bool stays_for_fpu(const struct thread *t)
{
    return ARCH_FPU_LAZY && __atomic_load_n(&cpu_area(READ_ONCE(t->cpu))->fpu_owner, __ATOMIC_ACQUIRE) == t;
}

static inline void leave_registers(struct percpu *cpu, struct thread *prev)
{
    if (prev->process)
        arch_own_save(&prev->fpu);
    save_fpu(cpu);
}

static inline void enter_registers(struct percpu *cpu, struct thread *next)
{
    if (!next->process)
        return;
    arch_own_restore(&next->fpu);
    load_fpu(cpu, next);
}

/* For a hand-over. */
static inline void swap_registers(struct percpu *cpu, struct thread *self, struct thread *next)
{
    arch_own_save(&self->fpu);
    arch_own_restore(&next->fpu);
    if (ARCH_FPU_LAZY) {
        tf_allow_fpu(arch_user_frame(next->stack_top), cpu->fpu_owner == next);
    } else {
        save_fpu(cpu);
        load_fpu(cpu, next);
    }
}
