/* SPDX-License-Identifier: MIT */
/*
 * Clock and timer: the `time` counter at the device tree's timebase-frequency; deadlines by stimecmp
 * where the hart has Sstc, else by the SBI timer extension.
 */
#include <arch-generic/machine.h>
#include <arch/devices.h>
#include <arch/sbi.h>
#include <quire/spinlock.h>

static inline u64 read_time(void)
{
    u64 t;
    __asm__ volatile("rdtime %0" : "=r"(t));
    return t;
}

u64 arch_clock_ns(void)
{
    u64 ns = riscv_devices.tick_ns;

    if (likely(ns)) /* exact and without a division, because every scheduler decision reads the clock */
        return read_time() * ns;
    u64 hz = riscv_devices.timebase_hz, t = read_time();
    return t / hz * NS_PER_S + t % hz * NS_PER_S / hz;
}

/*
 * In QEMU's emulation PAUSE doesn't give up the turn: with -icount QEMU runs one hart at a time until some timer is
 * due, up to 0.1 s later. A timer that is due before all others makes QEMU change harts now, so this hart's timer is
 * set that way for a moment. The change takes much of the host's time, so this function spends some of the guest's time
 * first.
 */
#define SPIN_PAUSES 100

void cpu_relax(void)
{
    for (unsigned i = 0; i < SPIN_PAUSES; i++)
        cpu_pause();
    if (!riscv_devices.sstc)
        return;
    bool on = irq_save();
    u64 deadline = csr_read(0x14d);
    csr_write(0x14d, read_time() + 1); /* stimecmp; a time that has passed already would make no event */
    csr_write(0x14d, deadline);
    irq_restore(on);
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
