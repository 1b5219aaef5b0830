/* SPDX-License-Identifier: MIT */
/* CPU identity, interrupt mask, waiting and counting. TPIDR_EL1 holds the per-CPU pointer. */
#pragma once

#include <quire/types.h>
#include <arch/sysreg.h>

struct percpu;

#define ARCH_NR_INTERRUPTS 288 /* those of devices begin at 32 */

/* Volatile: the thread may have moved to another CPU since the last read. */
static __always_inline struct percpu *this_cpu(void)
{
    struct percpu *cpu;
    __asm__ volatile("mrs %0, tpidr_el1" : "=r"(cpu));
    return cpu;
}

static __always_inline void set_this_cpu(struct percpu *cpu) { sysreg_write(tpidr_el1, cpu); }

static inline void arch_irq_enable(void) { __asm__ volatile("msr daifclr, #2" ::: "memory"); }
static inline void arch_irq_disable(void) { __asm__ volatile("msr daifset, #2" ::: "memory"); }
static inline bool arch_irq_enabled(void) { return !(sysreg_read(daif) & PSR_I); }

static inline void cpu_relax(void) { __asm__ volatile("yield" ::: "memory"); }

static inline void arch_wait_for_interrupt(void) { __asm__ volatile("dsb sy; wfi" ::: "memory"); }

/* The system counter, 1 ns = 1 cycle of QEMU's 1 GHz. This is exact and needs no stored factor. */
static inline u64 arm64_ticks_to_ns(u64 ticks)
{
    u64 hz = sysreg_read(cntfrq_el0), ns_per_s = 1000000000;
    return ticks / hz * ns_per_s + ticks % hz * ns_per_s / hz;
}

extern bool arm64_no_pmu; /* this machine has no cycle counter */

/* CPU cycles (Arm ARM, PMCCNTR_EL0): with -icount one per instruction. */
static inline u64 arch_cycles(void)
{
    return unlikely(arm64_no_pmu) ? arm64_ticks_to_ns(sysreg_read(cntvct_el0))
                                  : sysreg_read(pmccntr_el0);
}

/* Device registers: ordered against each other and against memory (Arm ARM, DSB). */
#define arch_io_fence() dsb(sy)
