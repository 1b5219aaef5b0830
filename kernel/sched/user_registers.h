/* SPDX-License-Identifier: MIT */
/*
 * Registers that only user mode uses, and that no trap saves. An ordinary switch saves and loads them. A hand-over
 * (hand_over.h) leaves the floating-point registers of machines with ARCH_FPU_LAZY in the CPU: percpu.fpu_owner says
 * whose they are. Only their owner may use them. When another thread tries, trap_fpu() saves and loads; an ordinary
 * switch saves them in any case. Until then their owner doesn't go to another CPU: stays_for_fpu().
 *
 * Where the right to use them is in the frame (tf_allow_fpu()), it is in the owner's frame alone, from load_fpu() to
 * save_fpu(). Where it is in the CPU (cpu_allow_fpu()), it changes with the thread.
 */
#pragma once

#include <quire/log.h>
#include <quire/thread.h>

/* No thread owns the CPU's floating-point registers after this. Interrupts off. */
static inline void save_fpu(struct percpu *cpu)
{
    struct thread *owner = cpu->fpu_owner;

    if (!owner)
        return;
    arch_fpu_save(&owner->fpu);
    tf_allow_fpu(arch_user_frame(owner->stack_top), false);
    __atomic_store_n(&cpu->fpu_owner, NULL, __ATOMIC_RELEASE); /* from now on the owner may go */
}

static inline void load_fpu(struct percpu *cpu, struct thread *t)
{
    arch_fpu_restore(&t->fpu);
    cpu->fpu_owner = t;
    tf_allow_fpu(arch_user_frame(t->stack_top), true);
    cpu_allow_fpu(true);
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
    arch_own_swap(&self->fpu, &next->fpu);
    if (ARCH_FPU_LAZY) {
        cpu_allow_fpu(cpu->fpu_owner == next);
    } else { /* self owns them: it has been in user mode */
        ASSUME(cpu->fpu_owner == self, "thread %s doesn't own its floating-point registers", self->name);
        arch_fpu_save(&self->fpu);
        arch_fpu_restore(&next->fpu);
        cpu->fpu_owner = next;
    }
}
