/* SPDX-License-Identifier: MIT */
/* CPUs that take turns: see <quire/turns.h>. */
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#define TURN_MIN_NS 200000u
#define TURN_VARIATION_NS 600000u
#define LONG_WAIT_NS 5000

/* The sequence of lengths is the same at each boot, and a different one on each CPU. */
u64 turn_begin(void)
{
    static u64 last[MAX_CPUS];
    u64 *turn = &last[this_cpu()->cpu];

    *turn = *turn * 6364136223846793005UL + 2 * this_cpu()->cpu + 1; /* Knuth's MMIX generator */
    return arch_clock_ns() + TURN_MIN_NS + (u32)(*turn >> 32) % TURN_VARIATION_NS;
}

void turn_ends(void)
{
    if (nr_cpus == 1)
        return;
    arch_timer_set(~0UL);
    cpu_relax();
}

void long_wait_step(struct long_wait *w)
{
    cpu_relax();
    u64 now = arch_clock_ns();
    if (now >= w->next_ns) {
        w->next_ns = now + LONG_WAIT_NS;
        arch_timer_set(w->next_ns);
    }
}

void long_wait_end(struct long_wait *w)
{
    if (w->next_ns)
        sched_rearm_timer();
}
