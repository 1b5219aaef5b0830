/* SPDX-License-Identifier: MIT */
/* CPU identity, interrupt flag, waiting and counting. tp holds the per-CPU pointer in the kernel. */
#pragma once

#include <quire/types.h>

struct percpu;

#define ARCH_NR_INTERRUPTS 96 /* of the PLIC; 0 is no source */

#define SSTATUS_SIE (1UL << 1)
#define SSTATUS_SPIE (1UL << 5)
#define SSTATUS_SPP (1UL << 8)
#define SSTATUS_FS_INITIAL (1UL << 13)
#define SSTATUS_FS (3UL << 13)
#define SSTATUS_SUM (1UL << 18)

#define csr_read(csr)                                                                              \
    ({                                                                                             \
        u64 csr_v_;                                                                                \
        __asm__ volatile("csrr %0, " #csr : "=r"(csr_v_)::"memory");                               \
        csr_v_;                                                                                    \
    })
#define csr_write(csr, v) __asm__ volatile("csrw " #csr ", %0" ::"rK"((u64)(v)) : "memory")
#define csr_set(csr, v) __asm__ volatile("csrs " #csr ", %0" ::"rK"((u64)(v)) : "memory")
#define csr_clear(csr, v) __asm__ volatile("csrc " #csr ", %0" ::"rK"((u64)(v)) : "memory")

/*
 * A register variable, so that tp itself is the base of each access. The compiler assumes that any call changes it.
 * This is needed: a value from before a switch may belong to another CPU.
 */
register struct percpu *riscv_tp __asm__("tp");
static __always_inline struct percpu *this_cpu(void) { return riscv_tp; }

static __always_inline void set_this_cpu(struct percpu *cpu) { __asm__ volatile("mv tp, %0" ::"r"(cpu)); }

static inline void arch_irq_enable(void) { csr_set(sstatus, SSTATUS_SIE); }
static inline void arch_irq_disable(void) { csr_clear(sstatus, SSTATUS_SIE); }
static inline bool arch_irq_enabled(void) { return csr_read(sstatus) & SSTATUS_SIE; }

static inline void cpu_pause(void) { __asm__ volatile(".insn i 0x0F, 0, x0, x0, 0x010" ::: "memory"); }
void cpu_relax(void); /* in a loop that waits for another CPU */

static inline void arch_wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }

/* Guest instructions executed by this hart; under -icount exactly one per instruction. */
static inline u64 arch_cycles(void)
{
    u64 n;
    __asm__ volatile("rdinstret %0" : "=r"(n));
    return n;
}

/* Device registers: ordered against each other and against memory (RVWMO fence i/o). */
#define arch_io_fence() __asm__ volatile("fence iorw, iorw" ::: "memory")
