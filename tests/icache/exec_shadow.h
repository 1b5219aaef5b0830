/* SPDX-License-Identifier: MIT */
/*
 * ICACHE=stale: shadow frames that play the instruction cache, on any machine and any QEMU. User mode executes from
 * shadows (<quire/exec_pfn.h>), and a line of a shadow gets the contents of its frame only
 *
 *   - when that line is maintained, and,
 *   - where each CPU fences for itself, when the CPUs that were in the address space at that time have fenced, or
 *     switched threads.
 *
 * The events come by name, <quire/code_events.h>. The shadows also store facts for reports: who announced the last
 * store, when a frame was maintained, which generation a CPU really fenced for. tests/icache/stale_code.c makes
 * sentences from these. Limits: data that is read through an executable mapping comes from the shadow as well; one
 * shadow serves all CPUs, so a CPU that fences too late after a switch is found by a broken rule (exec_gen), not by a
 * wrong result. cachesan is exact there.
 *
 * There is one lock, with interrupts off. It is below all others but the lock of the ultravisor's window.
 */
#pragma once

#include <quire/code_events.h>

#define EXEC_LINE 64 /* the smallest number of bytes that are maintained together */

/* A line of user memory whose shadow differs from its frame. */
struct stale_line {
    vaddr_t addr;
    pfn_t pfn;
    const void *place;              /* the last announced store; NULL: none since the frame has a shadow */
    unsigned stored_by;             /* ... on this CPU */
    bool stored_later;              /* ... after the last maintenance of anything in the frame */
    bool maintained;                /* there was some maintenance */
    u32 waiting;                    /* maintained, but these CPUs have not fenced since */
};

struct mm;

/* Whether this CPU runs code of mm that is newer than its last fence; then *fenced is the generation of that fence. */
bool exec_shadow_unfenced(const struct mm *mm, u64 *fenced);
/* Whether the line of user memory that addr lies in is executable and stale. mm->areas_lock held, here and below. */
bool exec_shadow_stale(struct mm *mm, vaddr_t addr, struct stale_line *line);
/* The next such line in [addr, end). */
bool exec_shadow_next_stale(struct mm *mm, vaddr_t addr, vaddr_t end, struct stale_line *line);
