/* SPDX-License-Identifier: MIT */
/*
 * Making a folio, inline: every fault on anonymous memory and every copy after fork comes here, with an order that the
 * frame cache keeps. folio_make() calls this function for all orders; the comments there apply here too.
 */
#pragma once

#include <quire/counters.h>
#include <quire/folio.h>
#include <quire/frame_cache.h>
#include <quire/mm_event.h>
#include <quire/slab.h>
#include <arch-generic/page.h>

extern struct slab_cache folio_cache;

#ifdef QUIRE_NATIVE /* there a sanitizer watches frames by the names of the functions that take and give them */
#define TAKE_FRAMES(class, order) frame_cache_alloc(order)
#else
#define TAKE_FRAMES(class, order) frame_cache_take(class, order)
#endif

/*
 * If class is one of the frame cache's, order is a constant; any other class means that frames of this order aren't
 * cached. A free descriptor has no owner, quota, flags, holes or mappings: folio_free() and new slabs leave it so.
 */
static __always_inline struct folio *folio_make_inline(unsigned class, unsigned order, unsigned flags)
{
    struct folio *f = slab_take(&folio_cache, offsetof(struct folio, slab_link));

    if (unlikely(!f))
        return NULL;
    pfn_t pfn = allocation_fails()            ? PFN_NONE
                : class < FRAME_CACHE_CLASSES ? TAKE_FRAMES(class, order)
                                              : frame_cache_alloc(order);
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
    if (class < FRAME_CACHE_CLASSES)
        memdesc_fill_inline(words, 1UL << order, folio_word(f));
    else
        memdesc_fill(words, 1UL << order, folio_word(f));
    counter_inc(COUNTER_FOLIO_ALLOC);
    mm_event(MM_EVENT_FOLIO_ALLOC, pfn, order, (u64)f);
    return f;
}
