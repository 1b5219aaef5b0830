/* SPDX-License-Identifier: MIT */
/*
 * CPU identity, interrupt flag, waiting and counting. In the kernel the GS base is this CPU's struct percpu, whose
 * first member points to itself; user mode's GS base is in KERNEL_GS_BASE meanwhile.
 */
#pragma once

#include <quire/types.h>
#include <arch/regs.h>

struct percpu;

#define ARCH_NR_INTERRUPTS 24 /* inputs of the I/O APIC */

/* volatile: after a switch the thread may be on another CPU, so the compiler must read it again. */
static __always_inline struct percpu *this_cpu(void)
{
    struct percpu *cpu;
    __asm__ volatile("movq %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

static inline void set_this_cpu(struct percpu *cpu) { write_msr(MSR_GS_BASE, (u64)cpu); }

static inline void arch_irq_enable(void) { __asm__ volatile("sti" ::: "memory"); }
static inline void arch_irq_disable(void) { __asm__ volatile("cli" ::: "memory"); }
static inline bool arch_irq_enabled(void)
{
    u64 flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags)::"memory");
    return flags & RFLAGS_IF;
}

static inline void cpu_relax(void) { __asm__ volatile("pause" ::: "memory"); }

/* HLT wakes up only for enabled interrupts: see arch_idle(). */
static inline void arch_wait_for_interrupt(void) { __asm__ volatile("hlt" ::: "memory"); }

/* The time-stamp counter: under -icount one per instruction, otherwise the host's time. */
static inline u64 arch_cycles(void)
{
    u32 low, high;
    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high)::"memory");
    return (u64)high << 32 | low;
}

/* Uncached accesses are in order (SDM 3A 8.2.2); this fence also orders them against cached accesses. */
#define arch_io_fence() __asm__ volatile("mfence" ::: "memory")
