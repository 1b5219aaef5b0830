/* SPDX-License-Identifier: MIT */
/*
 * ICACHE=stale: shadow frames that play the instruction cache, on any machine and any QEMU. User mode executes from
 * shadows (<quire/exec_pfn.h>), and a line of a shadow becomes what its frame holds only
 *
 *   - when that line is maintained, and,
 *   - where each CPU fences for itself, when those that were in the address space then have fenced, or switched
 *     threads.
 *
 * The events come by name, <quire/code_events.h>. The shadows also know what nobody else has to: who announced the
 * last store, when a frame was maintained, which generation a CPU really fenced for. tests/icache/stale_code.c makes
 * sentences of that. Limits: data that is read through an executable mapping comes from the shadow as well; one
 * shadow serves all CPUs, so a CPU that fences too late after a switch shows as a broken rule (exec_gen) and not by
 * what it computes. cachesan is exact there.
 *
 * Lock: one, below everything but the lock of the ultravisor's window, interrupts off.
 */
#pragma once

#include <quire/code_events.h>

#define EXEC_LINE 64 /* bytes that are maintained together, at least */

/* A line of user memory whose shadow differs from its frame. */
struct stale_line {
    vaddr_t addr;
    pfn_t pfn;
    const void *place;              /* the last announced store; NULL: none since the frame has a shadow */
    unsigned stored_by;             /* ... on this CPU */
    bool stored_later;              /* ... after the last maintenance of anything in the frame */
    bool maintained;                /* there was any */
    u32 waiting;                    /* maintained, but these CPUs have not fenced since */
};

struct mm;

/* Does this CPU run code of mm that is newer than its last fence? Then the generation of that fence is in *fenced. */
bool exec_shadow_unfenced(const struct mm *mm, u64 *fenced);
/* Whether the line of user memory that addr lies in is executable and stale. mm->areas_lock held, here and below. */
bool exec_shadow_stale(struct mm *mm, vaddr_t addr, struct stale_line *line);
/* The next such line in [addr, end). */
bool exec_shadow_next_stale(struct mm *mm, vaddr_t addr, vaddr_t end, struct stale_line *line);
