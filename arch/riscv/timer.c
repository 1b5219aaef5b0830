/* SPDX-License-Identifier: MIT */
/*
 * Clock and timer: the `time` counter at the device tree's timebase-frequency; deadlines by stimecmp
 * where the hart has Sstc, else by the SBI timer extension.
 */
#include <arch-generic/machine.h>
#include <arch/devices.h>
#include <arch/sbi.h>

#define NS_PER_S 1000000000UL

static inline u64 read_time(void)
{
    u64 t;
    __asm__ volatile("rdtime %0" : "=r"(t));
    return t;
}

u64 arch_clock_ns(void)
{
    u32 hz = riscv_devices.timebase_hz;

    if (likely(hz == 10000000)) /* exact and without a division: every scheduler decision asks */
        return read_time() * 100;
    u64 t = read_time();
    return t / hz * NS_PER_S + t % hz * NS_PER_S / hz;
}

void arch_timer_set(u64 deadline_ns)
{
    u64 ticks = ~0UL;

    if (deadline_ns != ~0UL) {
        u32 hz = riscv_devices.timebase_hz;
        ticks = hz == 10000000 ? DIV_ROUND_UP(deadline_ns, 100)
                               : deadline_ns / NS_PER_S * hz + DIV_ROUND_UP(deadline_ns % NS_PER_S * hz, NS_PER_S);
    }
    if (riscv_devices.sstc)
        csr_write(0x14d, ticks); /* stimecmp, Sstc 2.1: the assembler lacks the name */
    else
        sbi_call(SBI_TIME, 0, ticks, 0, 0);
}
