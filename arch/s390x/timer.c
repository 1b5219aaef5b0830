/* SPDX-License-Identifier: MIT */
/*
 * Clock and timer: the TOD clock and the clock comparator (chapter 4 "Control", Timing). The TOD
 * clock counts from 1900 and is the same on all CPUs; the kernel's clock counts from boot.
 */
#include <arch-generic/machine.h>

#define TOD_NEVER (~0UL)

/* The TOD when the clock is first read: by the boot CPU, before other CPUs run. */
static u64 tod_at_boot(void)
{
    static u64 tod;

    if (unlikely(!tod))
        tod = read_tod();
    return tod;
}

u64 arch_clock_ns(void)
{
    return tod_to_ns(read_tod() - tod_at_boot());
}

/* The first TOD at which arch_clock_ns() is at least ns: 512 units are 125 ns. */
static u64 ns_to_tod(u64 ns)
{
    if (ns / 125 >= (TOD_NEVER - tod_at_boot()) / 512 - 1)
        return TOD_NEVER;
    return tod_at_boot() + ns / 125 * 512 + DIV_ROUND_UP(ns % 125 * 512, 125);
}

void arch_timer_set(u64 deadline_ns)
{
    /* QEMU treats a comparator before its own start like one in the far future. */
    u64 now = arch_clock_ns(), tod = deadline_ns == ~0UL ? TOD_NEVER : ns_to_tod(MAX(deadline_ns, now));

    if (tod != TOD_NEVER && tod)
        tod--; /* the interruption comes when the clock is greater than the comparator */
    __asm__ volatile("sckc %0" ::"Q"(tod) : "memory");
}
