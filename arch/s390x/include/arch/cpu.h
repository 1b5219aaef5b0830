/* SPDX-License-Identifier: MIT */
/*
 * CPU identity, interrupt flag, waiting and counting. The per-CPU pointer is in the lowcore, which
 * every CPU finds at address 0.
 */
#pragma once

#include <quire/types.h>
#include <arch/lowcore.h>
#include <arch/psw.h>

#define ARCH_NR_INTERRUPTS 1 /* the service signal */

static __always_inline struct percpu *this_cpu(void)
{
    struct percpu *cpu;
    __asm__ volatile("lg %0,%1(%%r0)" : "=d"(cpu) : "i"(LOWCORE_CPU));
    return cpu;
}

static __always_inline void set_this_cpu(struct percpu *cpu)
{
    __asm__ volatile("stg %0,%1(%%r0)" ::"d"(cpu), "i"(LOWCORE_CPU) : "memory");
}

/* STOSM and STNSM store the PSW's first byte, and then OR (STOSM) or AND (STNSM) a mask into it. The byte's last bit
 * enables external interruptions. */
static inline void arch_irq_enable(void)
{
    u8 old;
    __asm__ volatile("stosm %0,0x01" : "=Q"(old)::"memory");
}
static inline void arch_irq_disable(void)
{
    u8 old;
    __asm__ volatile("stnsm %0,0xfe" : "=Q"(old)::"memory");
}
static inline bool arch_irq_enabled(void)
{
    u8 now;
    __asm__ volatile("stosm %0,0x00" : "=Q"(now)::"memory");
    return now & 0x01;
}

/*
 * In a loop that waits for another CPU. DIAGNOSE 0x44 gives a hypervisor the rest of the time slice. QEMU's emulation
 * ignores it, and with -icount QEMU runs one CPU at a time until some timer is due, up to 0.1 s later. A timer that is
 * due soon makes QEMU change CPUs now. Nothing else uses the CPU timer, and its interruption is masked in CR0. The
 * change takes much of the host's time, so this function spends some of the guest's time too; otherwise a wait of a
 * millisecond would last a second.
 */
static inline void cpu_relax(void)
{
    static const u64 microsecond = 4096;
    u64 loops = 500;

    __asm__ volatile("spt %1\n\tdiag %%r0,%%r0,0x44\n0:\tbrctg %0,0b"
                     : "+d"(loops)
                     : "Q"(microsecond)
                     : "memory");
}

/* Called with interrupts off: wait with them on until one has been taken, return with them off. */
void arch_wait_for_interrupt(void);

/*
 * The TOD clock counts 4096 units a microsecond (chapter 4 "Control", Time-of-Day Clock): a nanosecond is 4.096 units.
 * Rounded to the nearest, so that a TOD value made from whole nanoseconds gives the same nanoseconds back. Computed in
 * two steps, because the product would overflow.
 */
static inline u64 tod_to_ns(u64 tod)
{
    return (tod >> 9) * 125 + (((tod & 511) * 125 + 256) >> 9);
}

static inline u64 read_tod(void)
{
    u64 tod;
    __asm__ volatile("stckf %0" : "=Q"(tod)::"cc");
    return tod;
}

/* No instruction counter: nanoseconds instead; with `-icount shift=0` one per instruction. */
static inline u64 arch_cycles(void)
{
    return tod_to_ns(read_tod());
}

/* Serialisation (BCR 15,0). The machine has no memory-mapped device registers. */
#define arch_io_fence() __asm__ volatile("bcr 15,0" ::: "memory")
