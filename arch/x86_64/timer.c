/* SPDX-License-Identifier: MIT */
/*
 * Clock: the time-stamp counter (Intel SDM 3B 17.17). Timer: the local APIC's, one-shot (3A 10.5.4). Neither reports
 * its frequency; both are measured once against the 8254 interval timer, which has the same frequency in every PC.
 *
 * Both rates are kept as 32.32 fixed-point factors, so that no clock reading divides.
 */
#include <arch-generic/machine.h>
#include <quire/upcalls.h>
#include "platform.h"


/* 8254 data sheet, and the PC's port 0x61, which gates counter 2. */
#define PIT_HZ             1193182UL
#define PIT_COUNTER2       0x42
#define PIT_CONTROL        0x43
#define PIT_COUNTER2_MODE0 0xb0 /* counts down from what is written, low byte, high byte */
#define PIT_COUNTER2_LATCH 0x80
#define PIT_GATE_PORT      0x61
#define PIT_GATE2          1
#define PIT_SPEAKER        2

#define WINDOW_TICKS 300 /* 0.25 ms */
#define EDGES        8
#define TRIES        4
#define TSC_MAX_HZ   20000000000UL /* a higher value is a measuring error */

#define LAPIC_DIVIDE_BY_1 0xb
#define LAPIC_TIMER_MAX   0xffffffffU

static u64 tsc_to_ns;   /* 32.32; 0 before calibration: arch_clock_ns() doesn't advance */
static u64 ns_to_lapic; /* 32.32 */

static u64 scale(u64 value, u64 factor) { return (u64)((unsigned __int128)value * factor >> 32); }

u64 arch_clock_ns(void) { return scale(arch_cycles(), tsc_to_ns); }

static u16 pit_count(void)
{
    port_write8(PIT_CONTROL, PIT_COUNTER2_LATCH);
    u8 low = port_read8(PIT_COUNTER2);
    return (u16)(port_read8(PIT_COUNTER2) << 8 | low);
}

static void pit_start(void)
{
    port_write8(PIT_GATE_PORT, (port_read8(PIT_GATE_PORT) & ~PIT_SPEAKER) | PIT_GATE2);
    port_write8(PIT_CONTROL, PIT_COUNTER2_MODE0);
    port_write8(PIT_COUNTER2, 0xff);
    port_write8(PIT_COUNTER2, 0xff);
}

struct moment {
    u64 tsc, width; /* in cycles; width: time since the read before */
    u32 lapic;
    u16 pit;
};

/* The TSC at a tick of the PIT, the most precise of a few: the host may stop this CPU between any two instructions. */
static struct moment tick_moment(void)
{
    struct moment best = {.width = ~0UL};
    u16 count = pit_count();

    for (unsigned i = 0; i < EDGES; i++) {
        struct moment m = {.pit = count};
        do {
            u64 before = arch_cycles();
            m.pit = pit_count();
            m.tsc = arch_cycles();
            m.lapic = lapic_read(LAPIC_TIMER_CURRENT);
            m.width = arch_cycles() - before;
        } while (m.pit == count);
        count = m.pit;
        if (m.width < best.width)
            best = m;
    }
    return best;
}

/* False: the host stopped this CPU for so long that the PIT's 16 bits wrapped. */
static bool measure(u64 *tsc_hz, u64 *lapic_hz)
{
    struct moment start = tick_moment(), end;

    while ((u16)(start.pit - pit_count()) < WINDOW_TICKS)
        cpu_relax();
    end = tick_moment();
    u64 ticks = (u16)(start.pit - end.pit);
    *tsc_hz = (end.tsc - start.tsc) * PIT_HZ / ticks;
    *lapic_hz = (u64)(start.lapic - end.lapic) * PIT_HZ / ticks;
    return ticks < 2 * WINDOW_TICKS && *tsc_hz < TSC_MAX_HZ;
}

void timer_calibrate(void)
{
    u64 tsc_hz, lapic_hz;

    timer_init();
    lapic_write(LAPIC_TIMER_INITIAL, LAPIC_TIMER_MAX);
    pit_start();
    for (unsigned tries = 0; !measure(&tsc_hz, &lapic_hz) && tries < TRIES; tries++)
        ;
    lapic_write(LAPIC_TIMER_INITIAL, 0);
    tsc_to_ns = (NS_PER_S << 32) / tsc_hz;
    ns_to_lapic = (lapic_hz << 32) / NS_PER_S;
}

void timer_init(void)
{
    this_cpu()->arch.deadline_ns = ~0UL;
    lapic_write(LAPIC_TIMER_DIVIDE, LAPIC_DIVIDE_BY_1);
    lapic_write(LAPIC_LVT_TIMER, VEC_TIMER); /* one-shot */
    lapic_write(LAPIC_TIMER_INITIAL, 0);     /* stopped */
}

void arch_timer_set(u64 deadline_ns)
{
    u64 now = arch_clock_ns(), count = 0;

    this_cpu()->arch.deadline_ns = deadline_ns;
    if (deadline_ns != ~0UL)
        count = deadline_ns <= now ? 1 : scale(deadline_ns - now, ns_to_lapic) + 1;
    lapic_write(LAPIC_TIMER_INITIAL, (u32)MIN(count, (u64)LAPIC_TIMER_MAX));
}

/* The interrupt is too early if the deadline is further away than the timer's 32 bits allow, or if it was changed
 * meanwhile. */
void timer_interrupt(const struct trapframe *tf)
{
    u64 deadline = this_cpu()->arch.deadline_ns;

    if (arch_clock_ns() < deadline) {
        arch_timer_set(deadline);
        return;
    }
    this_cpu()->arch.deadline_ns = ~0UL;
    trap_timer(tf);
}
