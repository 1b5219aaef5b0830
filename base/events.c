/* SPDX-License-Identifier: MIT */
/* The event ring: see <quire/mm_event.h>. Debug builds have one. */
#include <quire/mm_event.h>
#include <quire/percpu.h>

#if QUIRE_DEBUG
/* One ring for all CPUs, because the checkers look at the order of events of different CPUs. */
struct mm_event_record mm_events[MM_EVENT_RING];
unsigned long mm_event_next;

void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c)
{
    unsigned long n = __atomic_fetch_add(&mm_event_next, 1, __ATOMIC_RELAXED);
    struct mm_event_record *r = &mm_events[n % MM_EVENT_RING];

    *r = (struct mm_event_record){.sequence = n, .kind = kind, .cpu = this_cpu()->cpu, .a = a, .b = b, .c = c};
}
#endif
