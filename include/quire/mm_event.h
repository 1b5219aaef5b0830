/* SPDX-License-Identifier: MIT */
/*
 * The event hook: it records what happens to entries, frames, folios and threads. Debug builds keep the records in
 * order in one ring for all CPUs; release builds have none. Format: <uapi/quire/event.h>.
 */
#pragma once

#include <quire/types.h>
#include <uapi/quire/event.h>

#define MM_EVENT_RING 8192

#if QUIRE_DEBUG
extern struct mm_event_record mm_events[MM_EVENT_RING];
extern unsigned long mm_event_next; /* sequence number of the next event */
extern u32 events_wanted;           /* handles from events_open() */
void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c);
/* A copy of the event with this number, complete and untouched. False: it is lost, or isn't written yet. */
bool mm_event_read(unsigned long n, struct mm_event_record *copy);

/* One of the kinds below THREADS. Any context. */
#define thread_event(kind, a, b, c)                                                                \
    do {                                                                                           \
        if (unlikely(READ_ONCE(events_wanted)))                                                    \
            mm_event(kind, a, b, c);                                                               \
    } while (0)
#else
#define mm_event(kind, a, b, c)                                                                    \
    do {                                                                                           \
    } while (0)
#define thread_event(kind, a, b, c)                                                                \
    do {                                                                                           \
    } while (0)
#endif

void events_want(bool more); /* one more handle, or one less; release builds have none */
