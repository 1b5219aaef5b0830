/* SPDX-License-Identifier: MIT */
/*
 * Making a folio of an order that the frame cache keeps, inline: every fault on anonymous memory and every copy after
 * fork goes through here. folio_make() is the same for all orders, and its comments hold here too.
 */
#pragma once

#include <quire/counters.h>
#include <quire/folio.h>
#include <quire/frame_cache.h>
#include <quire/mm_event.h>
#include <quire/slab.h>
#include <arch-generic/page.h>

extern struct slab_cache folio_cache;

#ifdef QUIRE_NATIVE /* where a sanitizer watches who takes and gives frames, by name */
#define TAKE_FRAMES(class, order) frame_cache_alloc(order)
#else
#define TAKE_FRAMES(class, order) frame_cache_take(class, order)
#endif

/* The words of a folio of the default order. */
static __always_inline void fill_default(memdesc_t *w, memdesc_t word)
{
#define FOUR(i) WRITE_WORD(w[i], word), WRITE_WORD(w[(i) + 1], word), WRITE_WORD(w[(i) + 2], word), WRITE_WORD(w[(i) + 3], word)
    _Static_assert(FOLIO_DEFAULT_ORDER == 4, "sixteen stores, one after the other");
    FOUR(0), FOUR(4), FOUR(8), FOUR(12);
#undef FOUR
}

static __always_inline struct folio *folio_make_cached(unsigned class, unsigned order, unsigned flags)
{
    struct folio *f = slab_take_typed(&folio_cache, offsetof(struct folio, slab_link));

    if (unlikely(!f))
        return NULL;
    pfn_t pfn = allocation_fails() ? PFN_NONE : TAKE_FRAMES(class, order);
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
    if (order)
        fill_default(words, folio_word(f));
    else
        WRITE_ONCE(words[0], folio_word(f));
    counter_inc(COUNTER_FOLIO_ALLOC);
    mm_event(MM_EVENT_FOLIO_ALLOC, pfn, order, (u64)f);
    return f;
}
