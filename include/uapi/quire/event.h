/* SPDX-License-Identifier: MIT */
/* Memory-management events: kinds and record format, for tests and tools outside the machine. */
#pragma once

#define QUIRE_MM_EVENTS(X)                                                                         \
    X(NONE)                                                                                        \
    X(FOLIO_ALLOC)  /* frame, order, descriptor */                                                 \
    X(FOLIO_FREE)   /* frame, order, descriptor */                                                 \
    X(ENTRY_SET)    /* virtual address, first frame, entries */                                    \
    X(ENTRY_CLEAR)  /* virtual address, first frame, entries */                                    \
    X(FLUSH_BEGIN)  /* root table, start, pages */                                                 \
    X(FLUSH_ACK)    /* root table, generation, 0 */                                                \
    X(FLUSH_END)    /* root table, start, pages */                                                 \
    X(TABLE_FREE)   /* frame, level, 0 */                                                          \
    X(TABLE_ALLOC)  /* frame, level, 0 */                                                          \
    X(HOLE_PUNCH)   /* first frame, frames, hole */                                                \
    X(HOLE_MEND)    /* first frame, frames, hole */                                                \
    X(ICACHE_CLEAN) /* first frame, frames, 0 */                                                   \
    X(ROOT_LOAD)    /* root table, asid, 0 */

enum mm_event_kind {
#define X(name) MM_EVENT_##name,
    QUIRE_MM_EVENTS(X)
#undef X
    MM_EVENT_NR,
};

struct mm_event_record {
    unsigned long sequence; /* one order over all CPUs */
    unsigned int kind, cpu;
    unsigned long a, b, c;
};
