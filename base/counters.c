/* SPDX-License-Identifier: MIT */
/* Event counters and the event ring. */
#include <quire/counters.h>
#include <quire/mm_event.h>

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

#if QUIRE_DEBUG
/* One ring for all CPUs: the order between them is what the checkers are about. */
struct mm_event_record mm_events[MM_EVENT_RING];
unsigned long mm_event_next;

void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c)
{
    unsigned long n = __atomic_fetch_add(&mm_event_next, 1, __ATOMIC_RELAXED);
    struct mm_event_record *r = &mm_events[n % MM_EVENT_RING];

    *r = (struct mm_event_record){.sequence = n, .kind = kind, .cpu = this_cpu()->cpu, .a = a, .b = b, .c = c};
}
#endif
