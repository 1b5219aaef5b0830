/* SPDX-License-Identifier: MIT */
/*
 * ICACHE=stale: shadow frames that play the instruction cache, on any machine and any QEMU. User mode executes from
 * shadows (<quire/exec_pfn.h>), and a line of a shadow becomes what its frame holds only
 *
 *   - when that line is maintained, and,
 *   - where each CPU fences for itself, when those that were in the address space then have fenced, or switched threads.
 *
 * The shadows also know what nobody else has to: who announced the last store, when a frame was maintained, which
 * generation a CPU really fenced for. tests/icache/stale_code.c makes sentences of that. Limits: data that is read through an
 * executable mapping comes from the shadow as well; one shadow serves all CPUs, so a CPU that fences too late after a
 * switch shows as a broken rule (exec_gen) and not by what it computes. cachesan is exact there.
 *
 * Without ICACHE=stale nothing of this exists. Lock: one, below everything, interrupts off.
 */
#pragma once

#include <quire/exec_pfn.h>

#define EXEC_LINE 64 /* bytes that are maintained together, at least */

/* A place in the kernel's source that stores to memory which may be executed. */
struct code_place {
    const char *file, *function;
    unsigned line;
};

/* A line of user memory whose shadow differs from its frame. */
struct stale_line {
    vaddr_t addr;
    pfn_t pfn;
    const struct code_place *place; /* the last announced store; NULL: none since the frame has a shadow */
    unsigned stored_by;             /* ... on this CPU */
    bool stored_later;              /* ... after the last maintenance of anything in the frame */
    bool maintained;                /* there was any */
    u32 waiting;                    /* maintained, but these CPUs have not fenced since */
};

struct mm;

#if ICACHE_STALE
#define CODE_PLACE                                                                                 \
    ({                                                                                             \
        static const struct code_place place_ = {__FILE__, __func__, __LINE__};                    \
        &place_;                                                                                   \
    })

u64 exec_shadow_table_bytes(u64 nr); /* for nr frames; zeroed memory */
void exec_shadow_init(pfn_t first, u64 nr, u64 distance, void *table);

void exec_shadow_stored(pfn_t pfn, u64 nr, const struct code_place *place);
/* The kernel has maintained [start, end) of the direct map, code of mm (NULL: nobody's yet). */
void exec_shadow_cleaned(struct mm *mm, vaddr_t start, vaddr_t end);
void exec_shadow_fenced(u64 gen); /* this CPU, for all generations up to gen */
void exec_shadow_left(void);      /* this CPU isn't in user mode, and looks before it is again */
/* What mm executes from now on needs this generation: by announcement, or because these frames became executable. */
void exec_shadow_published(struct mm *mm, u64 gen);
void exec_shadow_mapped(struct mm *mm, pfn_t pfn, u64 nr);

/* Does this CPU run code of mm that is newer than its last fence? Then the generation of that fence is in *fenced. */
bool exec_shadow_unfenced(const struct mm *mm, u64 *fenced);
/* Whether the line of user memory that addr lies in is executable and stale. mm->areas_lock held, here and below. */
bool exec_shadow_stale(struct mm *mm, vaddr_t addr, struct stale_line *line);
/* The next such line in [addr, end). */
bool exec_shadow_next_stale(struct mm *mm, vaddr_t addr, vaddr_t end, struct stale_line *line);
#else
#define CODE_PLACE ((const struct code_place *)0)
static inline void exec_shadow_stored(pfn_t pfn, u64 nr, const struct code_place *place) { (void)pfn, (void)nr, (void)place; }
static inline void exec_shadow_cleaned(struct mm *mm, vaddr_t start, vaddr_t end) { (void)mm, (void)start, (void)end; }
static inline void exec_shadow_fenced(u64 gen) { (void)gen; }
static inline void exec_shadow_left(void) {}
static inline void exec_shadow_published(struct mm *mm, u64 gen) { (void)mm, (void)gen; }
static inline void exec_shadow_mapped(struct mm *mm, pfn_t pfn, u64 nr) { (void)mm, (void)pfn, (void)nr; }
#endif
