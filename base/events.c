/* SPDX-License-Identifier: MIT */
/*
 * The event ring: see <quire/mm_event.h>. Debug builds have one, for all CPUs, because the checkers look at the order
 * of events of different CPUs.
 *
 * Nobody ever waits. Whoever records takes the next number, n, and with it the place n modulo the ring's size. The
 * place's sequence says what is there:
 *
 *   m          the event m is complete (0: nothing yet)
 *   BUSY       somebody writes an event there
 *
 *   from       to      by whom
 *   m < n      BUSY    who writes event n; compare and swap
 *   BUSY       n       the same, when its words are written
 *
 * A writer that finds BUSY, or a later event, has been overtaken by a whole ring: its event is lost. A reader copies,
 * and looks at the sequence before and after: if it is n both times, nobody has written meanwhile, because a place
 * never gets the same number twice.
 */
#include <quire/mm_event.h>
#include <quire/percpu.h>
#include <arch-generic/machine.h>

#if QUIRE_DEBUG
#define BUSY (~0UL)

struct mm_event_record mm_events[MM_EVENT_RING];
unsigned long mm_event_next = 1;
u32 events_wanted;

static bool claim(struct mm_event_record *r, unsigned long n)
{
    unsigned long found = __atomic_load_n(&r->sequence, __ATOMIC_RELAXED);

    return found < n &&
           __atomic_compare_exchange_n(&r->sequence, &found, BUSY, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c)
{
    unsigned long n = __atomic_fetch_add(&mm_event_next, 1, __ATOMIC_RELAXED);
    struct mm_event_record *r = &mm_events[n % MM_EVENT_RING];

    if (unlikely(!claim(r, n)))
        return;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* a reader that sees one of these words sees BUSY, or a later number */
    WRITE_ONCE(r->kind, (unsigned)kind);
    WRITE_ONCE(r->cpu, this_cpu()->cpu);
    WRITE_ONCE(r->a, a);
    WRITE_ONCE(r->b, b);
    WRITE_ONCE(r->c, c);
    WRITE_ONCE(r->time_ns, READ_ONCE(events_wanted) ? arch_clock_ns() : 0);
    __atomic_store_n(&r->sequence, n, __ATOMIC_RELEASE);
}

bool mm_event_read(unsigned long n, struct mm_event_record *copy)
{
    const struct mm_event_record *r = &mm_events[n % MM_EVENT_RING];

    if (__atomic_load_n(&r->sequence, __ATOMIC_ACQUIRE) != n)
        return false;
    *copy = (struct mm_event_record){.sequence = n,
                                     .kind = READ_ONCE(r->kind),
                                     .cpu = READ_ONCE(r->cpu),
                                     .a = READ_ONCE(r->a),
                                     .b = READ_ONCE(r->b),
                                     .c = READ_ONCE(r->c),
                                     .time_ns = READ_ONCE(r->time_ns)};
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return READ_ONCE(r->sequence) == n;
}

void events_want(bool more) { __atomic_fetch_add(&events_wanted, more ? 1u : ~0u, __ATOMIC_RELAXED); }
#else
void events_want(bool more) { (void)more; }
#endif
