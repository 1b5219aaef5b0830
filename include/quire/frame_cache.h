/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU caches of free blocks in front of the machine's buddy: single frames and blocks of the default folio
 * size, taken and given back without the buddy's lock and without splitting and joining each time. A cached
 * frame's word says BUDDY, not a head, so it never coalesces.
 */
#pragma once

#include <quire/buddy.h>

/* A block of 2^order frames; its words say BUDDY. PFN_NONE: no memory, not even in other CPUs' caches. */
pfn_t frame_cache_alloc(unsigned order);
/* Give a block back; rewrites every word. */
void frame_cache_free(pfn_t pfn, unsigned order);
/* The same for nr frames in a row whose words say BUDDY already. */
void frame_cache_free_run(pfn_t pfn, u64 nr);
/* Everything that is cached, on all CPUs, goes back to the buddy. */
void frame_cache_drain(void);
u64 frame_cache_frames(void); /* how many frames the caches hold */
