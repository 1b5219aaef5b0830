/* SPDX-License-Identifier: MIT */
/*
 * Where user mode executes from. pfn_pte() asks exec_pfn() for the frame of an executable entry, and pte_pfn() turns
 * the answer back, so no other code knows of the difference. As a rule the answer is the frame itself. With
 * ICACHE=stale it is the frame's shadow: a second frame at a fixed distance, which plays the instruction cache. A
 * shadow changes only where maintenance is done, <quire/code_events.h>; so code that nobody maintained really runs in
 * its old form.
 */
#pragma once

#include <quire/pgprot.h>
#include <quire/types.h>

#ifndef ICACHE_STALE
#define ICACHE_STALE 0 /* build.mk: make ICACHE=stale */
#endif

#if ICACHE_STALE
/* Frames [first, first + nr) have shadows, `distance` further on. Shadows are never allocated. */
extern struct exec_shadow {
    pfn_t first;
    u64 nr, distance;
} exec_shadow;

static inline pfn_t exec_pfn(pfn_t pfn)
{
    return pfn - exec_shadow.first < exec_shadow.nr ? pfn + exec_shadow.distance : pfn;
}
/* The frame itself, or if it is a shadow, the frame that it is the shadow of. */
static inline pfn_t exec_frame(pfn_t pfn)
{
    return pfn - exec_shadow.distance - exec_shadow.first < exec_shadow.nr ? pfn - exec_shadow.distance : pfn;
}
#else
static inline pfn_t exec_pfn(pfn_t pfn) { return pfn; }
static inline pfn_t exec_frame(pfn_t pfn) { return pfn; }
#endif

/* How far the frame number in an entry for `pfn` moves when the entry becomes executable, or stops being executable. */
static inline u64 exec_pfn_moves(pfn_t pfn, bool before, bool after)
{
    return !ICACHE_STALE || before == after ? 0 : after ? exec_pfn(pfn) - pfn : pfn - exec_pfn(pfn);
}

/* The frame number that an entry for `pfn` with this protection holds. */
static inline pfn_t pgprot_pfn(pfn_t pfn, pgprot_t prot)
{
    return ICACHE_STALE && prot & PGPROT_USER && prot & PGPROT_EXEC ? exec_pfn(pfn) : pfn;
}
