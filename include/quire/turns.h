/* SPDX-License-Identifier: MIT */
/*
 * A simulated machine may run its CPUs by turns. QEMU with -icount runs one CPU until some timer is due, and leaves
 * out the next then: so a CPU that waits for another must make timer events, and one that runs must let others in at
 * times. Turns differ in length, at random, or it would be the same CPU that is left out each time. Real machines
 * don't mind.
 */
#pragma once

#include <quire/percpu.h>

u64 turn_begin(void);
/* When this CPU's turn, which begins now, ends, in nanoseconds; ~0: never, it is alone. */
static inline u64 turn_deadline(void) { return nr_cpus == 1 ? ~0UL : turn_begin(); }
void turn_ends(void);    /* in the timer's interrupt, before the next deadline is set */
/* Whoever is waited for may run on another CPU. */
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
void long_wait_end(struct long_wait *w); /* the timer is the scheduler's again */
