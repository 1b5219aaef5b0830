/* SPDX-License-Identifier: MIT */
/*
 * The event-order checker: see helpers.h. It reads the ring that debug builds keep. The machine hides most missing
 * flushes; the ring doesn't.
 */
#include "helpers.h"
#include <quire/mm_event.h>
#include <arch/tlb.h>

static unsigned long first_event;

void events_start(void) { first_event = __atomic_load_n(&mm_event_next, __ATOMIC_SEQ_CST); }

static const struct mm_event_record *event(unsigned long n)
{
    return &mm_events[n % MM_EVENT_RING];
}

/*
 * Whether the flush that ends with event `end` began after event `clear`, and all CPUs that it asked have answered.
 */
static bool flush_counts(unsigned long clear, unsigned long end)
{
    const struct mm_event_record *done = event(end);

    for (unsigned long n = end; n-- > clear + 1;) {
        const struct mm_event_record *e = event(n);
        if (e->kind == MM_EVENT_FLUSH_BEGIN && e->cpu == done->cpu && e->a == done->a)
            return true;
    }
    return false;
}

static bool flushed_between(unsigned long clear, unsigned long free)
{
    for (unsigned long n = clear + 1; n < free; n++)
        if (event(n)->kind == MM_EVENT_FLUSH_END && flush_counts(clear, n))
            return true;
    return false;
}

/* Frames [*pfn, *pfn + *nr) that this event gives back; false: another kind of event. */
static bool given_back(const struct mm_event_record *e, pfn_t *pfn, u64 *nr)
{
    *pfn = e->a;
    *nr = e->kind == MM_EVENT_FOLIO_FREE ? 1UL << e->b : 1;
    return e->kind == MM_EVENT_FOLIO_FREE || e->kind == MM_EVENT_TABLE_FREE;
}

static void check_free(unsigned long free)
{
    pfn_t pfn;
    u64 nr;

    given_back(event(free), &pfn, &nr);
    bool table = event(free)->kind == MM_EVENT_TABLE_FREE;
    for (unsigned long n = free; n-- > first_event;) {
        const struct mm_event_record *e = event(n);
        if ((e->kind == MM_EVENT_FOLIO_ALLOC || e->kind == MM_EVENT_TABLE_ALLOC) && e->a == pfn)
            return; /* entries that were cleared before this event belonged to the frame's last owner */
        if (e->kind != MM_EVENT_ENTRY_CLEAR || e->b >= pfn + nr || pfn >= e->b + e->c)
            continue;
        if ((table || !ARCH_FLUSH_ON_CLEAR) && !flushed_between(n, free))
            test_fail(__FILE__, __LINE__,
                      "event %lu frees frame 0x%lx; its entry for 0x%lx was cleared by event %lu, "
                      "and no flush "
                      "between the two has ended",
                      free, pfn, e->a, n);
    }
}

/* Every flush that asks other CPUs is answered by each of them before it ends. */
static void check_answers(unsigned long end)
{
    u32 answered = 0;

    for (unsigned long n = end; n-- > first_event;) {
        const struct mm_event_record *e = event(n);
        if (e->kind == MM_EVENT_FLUSH_ACK && e->a == event(end)->a)
            answered |= 1u << e->cpu;
        if (e->kind != MM_EVENT_FLUSH_BEGIN || e->cpu != event(end)->cpu)
            continue;
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            if (cpu != e->cpu && cpu_area(cpu)->online && !(answered & 1u << cpu))
                test_fail(__FILE__, __LINE__, "flush %lu..%lu ended before CPU %u answered", n, end,
                          cpu);
        return;
    }
}

unsigned events_check(void)
{
    unsigned long end = __atomic_load_n(&mm_event_next, __ATOMIC_SEQ_CST);
    unsigned frees = 0;
    pfn_t pfn;
    u64 nr;

    if (end - first_event > MM_EVENT_RING) {
        test_fail(__FILE__, __LINE__, "%lu events don't fit the ring of %u", end - first_event,
                  MM_EVENT_RING);
        return 0;
    }
    for (unsigned long n = first_event; n < end; n++) {
        if (given_back(event(n), &pfn, &nr)) {
            check_free(n);
            frees++;
        }
        if (event(n)->kind == MM_EVENT_FLUSH_END && !ARCH_TLB_BROADCAST)
            check_answers(n);
    }
    return frees;
}
