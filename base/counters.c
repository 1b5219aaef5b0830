/* SPDX-License-Identifier: MIT */
/* Event counters: see <quire/counters.h>. */
#include <quire/counters.h>

u64 counter_read(enum counter c)
{
    u64 sum = 0;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        sum += READ_ONCE(cpu_area(cpu)->counters[c]);
    return sum;
}

const char *counter_name(enum counter c)
{
    static const char *const names[] = {
#define X(id, name) name,
        QUIRE_COUNTERS(X)
#undef X
    };
    return c < COUNTER_COUNT ? names[c] : "unknown";
}

_Static_assert(COUNTER_COUNT <= 64, "struct percpu has room for 64 counters");
