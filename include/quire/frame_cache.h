/* SPDX-License-Identifier: MIT */
/*
 * Per-CPU caches of free blocks in front of the machine's buddy: single frames, and blocks of the default folio size.
 * They are taken and given back without the buddy's lock, and without a split and a join each time. The word of a
 * cached frame says "BUDDY, not a head", so the buddy never joins it with others.
 */
#pragma once

#include <quire/buddy.h>
#include <quire/free_check.h>
#include <quire/percpu.h>

pfn_t frame_cache_refill(struct frame_cache *cache, unsigned order); /* internal: what frame_cache_take() can't do */
static inline void frame_cache_lock(struct frame_cache *cache)
{
    while (unlikely(__atomic_exchange_n(&cache->locked, 1, __ATOMIC_ACQUIRE)))
        cpu_relax();
}
static inline void frame_cache_unlock(struct frame_cache *cache)
{
    __atomic_store_n(&cache->locked, 0, __ATOMIC_RELEASE);
}

/* frame_cache_alloc() for a caller that knows the class: its blocks have this order. */
static __always_inline pfn_t frame_cache_take(unsigned class, unsigned order)
{
    struct frame_cache *cache = &this_cpu()->frames;
    pfn_t pfn = PFN_NONE;

    frame_cache_lock(cache);
    u32 nr = cache->class[class].nr;
    if (likely(nr)) {
        cache->class[class].nr = nr - 1;
        pfn = cache->class[class].pfn[nr - 1];
    }
    frame_cache_unlock(cache);
    return frames_taken(likely(nr) ? pfn : frame_cache_refill(cache, order), order);
}

/* A block of 2^order frames; its words say BUDDY. PFN_NONE: no memory, not even in other CPUs' caches. */
pfn_t frame_cache_alloc(unsigned order);
/* Give a block back; rewrites every word. */
void frame_cache_free(pfn_t pfn, unsigned order);
/* The same for nr frames in a row whose words say BUDDY already. */
void frame_cache_free_run(pfn_t pfn, u64 nr);
/* Gives all cached frames of all CPUs back to the buddy. */
void frame_cache_drain(void);
u64 frame_cache_frames(void); /* how many frames the caches hold */
