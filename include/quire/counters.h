/* SPDX-License-Identifier: MIT */
/*
 * Event counters, per CPU, summed by counter_read(). Readable by programs (system call `counter`) and
 * by tests (EXPECT_COUNT). One line in <uapi/quire/counters.h> makes a counter.
 */
#pragma once

#include <quire/types.h>
#include <uapi/quire/counters.h>
#include <quire/percpu.h>

static inline void counter_add(enum counter c, u64 n) { this_cpu()->counters[c] += n; }
static inline void counter_inc(enum counter c) { counter_add(c, 1); }
/* Where each instruction counts: only debug kernels count this. */
static inline void debug_counter_inc(enum counter c)
{
    if (QUIRE_CHECKS)
        counter_inc(c);
}
u64 counter_read(enum counter c); /* sum over all CPUs */
const char *counter_name(enum counter c);
