/* SPDX-License-Identifier: MIT */
/*
 * The event hook: it records what happens to entries, frames and folios. Debug builds keep the records in order in one
 * ring for all CPUs; release builds have none. Format: <uapi/quire/event.h>.
 */
#pragma once

#include <uapi/quire/event.h>

#define MM_EVENT_RING 8192

#if QUIRE_DEBUG
extern struct mm_event_record mm_events[MM_EVENT_RING];
extern unsigned long mm_event_next; /* sequence number of the next event */
void mm_event(enum mm_event_kind kind, unsigned long a, unsigned long b, unsigned long c);
#else
#define mm_event(kind, a, b, c)                                                                    \
    do {                                                                                           \
    } while (0)
#endif
