/* SPDX-License-Identifier: MIT */
/*
 * Making a folio of an order that the frame cache keeps, inline: every fault on anonymous memory and every copy after
 * fork goes through here. folio_alloc() is the same for all orders, and its comments hold here too.
 */
#pragma once

#include <quire/counters.h>
#include <quire/folio.h>
#include <quire/frame_cache.h>
#include <quire/mm_event.h>
#include <quire/slab.h>
#include <arch-generic/page.h>

extern struct slab_cache folio_cache;

static __always_inline struct folio *folio_alloc_cached(unsigned class, unsigned order, unsigned flags)
{
    struct folio *f = slab_take_typed(&folio_cache, offsetof(struct folio, slab_link));

    if (unlikely(!f))
        return NULL;
    pfn_t pfn = allocation_fails() ? PFN_NONE : frame_cache_take(class, order);
    if (unlikely(pfn == PFN_NONE)) {
        slab_free(&folio_cache, f);
        return NULL;
    }
    f->pfn = pfn;
    f->order = (u8)order;
    if (flags & FOLIO_ZERO)
        arch_zero(pfn_address(pfn), PAGE_SIZE << order);
    memdesc_t *words = memory.words + pfn;
    OPAQUE(words);
#pragma GCC unroll 16
    for (unsigned i = 0; i < 1u << order; i++)
        words[i] = folio_word(f);
    counter_inc(COUNTER_FOLIO_ALLOC);
    mm_event(MM_EVENT_FOLIO_ALLOC, pfn, order, (u64)f);
    __atomic_store_n(&f->refs, 1, __ATOMIC_RELEASE);
    return f;
}

/* folio_alloc(0, flags). */
static __always_inline struct folio *folio_alloc_page(unsigned flags) { return folio_alloc_cached(0, 0, flags); }
