/* SPDX-License-Identifier: MIT */
/* Names and numbers of the kernel's event counters. */
#pragma once

#define QUIRE_COUNTERS(X)                                                                          \
    X(FAULT_ANON, "fault.anon")                /* anonymous memory brought in */                   \
    X(FAULT_ZERO, "fault.zero")                /* the page of zeros mapped, a block at a time */   \
    X(FAULT_OBJECT, "fault.object")            /* an object's folio mapped */                      \
    X(FAULT_COW, "fault.cow")                  /* copied on write */                               \
    X(FAULT_REUSE, "fault.reuse")              /* written page was ours alone */                   \
    X(FAULT_SPURIOUS, "fault.spurious")        /* entry was already good */                        \
    X(STACK_GROWN, "fault.stack")              /* a stack's area moved down */                     \
    X(FAULT_BAD, "fault.bad")                  /* no area, or not allowed */                       \
    X(FAULT_BUS, "fault.bus_error")            /* of those: broken, in a hole, behind the end */                \
    X(SET_PTES_CALLS, "set_ptes.calls")                                                            \
    X(SET_PTES_ENTRIES, "set_ptes.entries")                                                        \
    X(CLEAR_CALLS, "clear_ptes.calls")                                                            \
    X(CLEAR_ENTRIES, "clear_ptes.entries")                                                        \
    X(PROTECT_CALLS, "protect_ptes.calls")                                                        \
    X(PROTECT_ENTRIES, "protect_ptes.entries")                                                    \
    X(COPY_CALLS, "fork.batches")              /* runs of entries that fork copied */             \
    X(COPY_ENTRIES, "fork.entries")                                                               \
    X(AGE_CALLS, "age_ptes.calls")                                                                \
    X(AGE_ENTRIES, "age_ptes.entries")                                                            \
    X(FOLD, "contig.fold")                     /* groups made of entries that were there */       \
    X(UNFOLD, "contig.unfold")                 /* groups undone */                                \
    X(BLOCK_MAP, "block.map")                  /* blocks of 2 MiB in user space */                 \
    X(BLOCK_SPLIT, "block.split")                                                                 \
    X(FLUSH_LOCAL, "tlb.flush_local")                                                              \
    X(FLUSH_REMOTE, "tlb.flush_remote")        /* other CPUs asked */                              \
    X(FLUSH_OPERATIONS, "tlb.operations")      /* gathers that had to flush */                     \
    X(ASID_ROLLOVER, "tlb.asid_rollover")      /* all numbers used up: a new generation */         \
    X(TABLE_ALLOC, "table.alloc")              /* frames for page tables */                        \
    X(TABLE_FREE, "table.free")                                                                    \
    X(FOLIO_ALLOC, "folio.alloc")                                                                  \
    X(FOLIO_FREE, "folio.free")                                                                    \
    X(FOLIO_SPLIT, "folio.split")                                                                  \
    X(FOLIO_TRIMMED, "folio.frames_trimmed")                                                       \
    X(FOLIO_JOIN, "folio.join")                                                                    \
    X(HOLE_PUNCH, "hole.punch")                                                                    \
    X(HOLE_MEND, "hole.mend")                                                                      \
    X(HOLE_FRAMES, "hole.frames")              /* in all holes punched */                          \
    X(POISON, "poison.frames")                                                                     \
    X(ICACHE_CLEAN, "icache.clean_calls")                                                          \
    X(ICACHE_BYTES, "icache.clean_bytes")                                                          \
    X(ICACHE_FENCE, "icache.fence_local")                                                          \
    X(ICACHE_REMOTE, "icache.fence_remote")                                                        \
    X(SYSCALLS, "syscalls")                                                                        \
    X(SWITCHES, "sched.switches")                                                                  \
    X(MESSAGES_SLOW, "message.slow") /* calls that took the long way */                            \
    X(PREEMPTIONS, "sched.preemptions")                                                            \
    X(TIMER_INTERRUPTS, "timer.interrupts")                                                        \
    X(IPIS, "ipi.received")                                                                        \
    X(DCACHE_BYTES, "dcache.coherency_bytes")  /* cleaned and invalidated down to memory */        \
    X(UVCALLS, "uv.calls")                                                                         \
    X(UV_EXITS, "uv.exits")                                                                        \
    X(BENCH_ZERO, "bench.zero_4k")             /* what zeroing and copying a frame cost the kernel, */ \
    X(BENCH_TABLE, "bench.zero_table")         /* emptying a page table's frame */                  \
    X(BENCH_COPY, "bench.copy_4k")             /* in instructions; set by `bench` */

enum counter {
#define X(id, name) COUNTER_##id,
    QUIRE_COUNTERS(X)
#undef X
    COUNTER_COUNT
};
