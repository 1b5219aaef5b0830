/* SPDX-License-Identifier: MIT */
/*
 * A simulated machine may run its CPUs in turns. QEMU with -icount runs one CPU until some timer is due, and then
 * leaves out the next CPU. So a CPU that waits for another must make timer events, and a CPU that runs must let others
 * in from time to time. Turns have random lengths; otherwise the same CPU would be left out each time. On real machines
 * this does no harm.
 */
#pragma once

#include <quire/percpu.h>

u64 turn_begin(void);
/* The time in nanoseconds when this CPU's turn, which begins now, will end. ~0: never, because it is the only CPU. */
static inline u64 turn_deadline(void) { return nr_cpus == 1 ? ~0UL : turn_begin(); }
void turn_ends(void);    /* in the timer's interrupt, before the next deadline is set */
/* The thread that this CPU waits for may run on another CPU: let that CPU have a turn. */
static inline void turn_offer(void)
{
    if (nr_cpus > 1)
        cpu_relax();
}

/* Busy waiting for another CPU: a timer event every 5 microseconds. */
struct long_wait {
    u64 next_ns; /* 0: not yet waited */
};
void long_wait_step(struct long_wait *w);
void long_wait_end(struct long_wait *w); /* the scheduler uses the timer again */
