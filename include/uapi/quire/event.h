/* SPDX-License-Identifier: MIT */
/*
 * Events: kinds and record format, for programs that hold a handle from events_open(), and for tests and tools outside
 * the machine. Debug builds record them, in one ring for all CPUs. The kinds below THREADS are recorded only while
 * somebody has such a handle.
 */
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
    X(ROOT_LOAD)    /* root table, asid, 0 */                                                      \
    X(THREADS)                                                                                     \
    X(SWITCH)  /* thread that leaves the CPU, thread that runs from now on, its process (0: the kernel's own) */       \
    X(CALL)    /* thread that calls, endpoint, 0: nobody receives there, so the call waits in its queue */             \
    X(MESSAGE) /* thread that sends, thread that receives, QUIRE_GOT_CALL or QUIRE_GOT_SEND */      \
    X(REPLY)   /* thread that answers, thread whose call it is, result */                          \
    X(SIGNAL)  /* thread that runs on this CPU, notification, bits */                              \
    X(FAULT)   /* thread, address, PROT_* of the access */

enum mm_event_kind {
#define X(name) MM_EVENT_##name,
    QUIRE_MM_EVENTS(X)
#undef X
    MM_EVENT_NR,
};

struct mm_event_record {
    unsigned long sequence; /* one order over all CPUs, from 1 on; a number that is missing is an event that was lost */
    unsigned int kind, cpu;
    unsigned long a, b, c;
    unsigned long time_ns; /* of the machine's clock; 0: nobody had a handle */
};
