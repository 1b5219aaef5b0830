/* SPDX-License-Identifier: MIT */
/*
 * Punching and mending holes in folios: see <quire/hole.h>.
 *
 * Order of a punch: allocate, check and rewrite the words under the folio lock, then remove the host's
 * entries for those frames and flush. Rewriting first means that nobody can map them again in between: the protocol
 * of "mapping against changing words" is at the head of mm/holes/rmap.c.
 */
#include <quire/hole.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/space.h>
#include <quire/mm_event.h>
#include <quire/poison.h>
#include <quire/rmap.h>
#include <quire/slab.h>

static SLAB_CACHE(hole_cache, insecure_mem, slab_link, true);

/* What keeps [first, first + nr) from becoming a hole: 0, -EBUSY or -EHWPOISON. Folio locked. */
static int check_range(const struct folio *f, pfn_t first, size_t nr)
{
    memdesc_t own = folio_word(f);

    const memdesc_t *word = memory.words + first, *end = word + nr;

    do
        if (unlikely(*word != own))
            return memdesc_type(*word) == MEMDESC_HWPOISON ? -EHWPOISON : -EBUSY;
    while (++word < end);
    return 0;
}

/* nr words, each by one store, all after what the caller wrote before. */
static inline void write_words(pfn_t first, size_t nr, memdesc_t word)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    memdesc_fill_few(memory.words + first, nr, word);
}

int folio_punch_hole(struct folio *f, size_t first, size_t nr, enum hole_kind kind, struct insecure_mem **hole)
{
    if (nr == 0 || first >= folio_nr_pages(f) || nr > folio_nr_pages(f) - first)
        return -EINVAL;
    struct insecure_mem *h = slab_take(&hole_cache, offsetof(struct insecure_mem, slab_link));
    if (!h)
        return -ENOMEM;
    h->nr = (u32)nr;
    h->saved = folio_word(f);
    h->first = f->pfn + first;
    h->folio = f;
    h->map_count = 0;
    list_init(&h->areas);
    h->kind = (u8)kind;

    spin_lock(&f->lock);
    int err = check_range(f, h->first, nr);
    if (!err) {
        WRITE_ONCE(h->refs, 1); /* a stale pointer's holder may look: pfn_hole_get() */
        write_words(h->first, nr, memdesc_make(MEMDESC_HOLE, h));
        WRITE_ONCE(f->nr_holes, f->nr_holes + 1);
    }
    bool owned = f->owner != NULL;
    spin_unlock(&f->lock);
    if (err) {
        slab_free(&hole_cache, h);
        return err;
    }
    mm_event(MM_EVENT_HOLE_PUNCH, h->first, nr, (u64)h);
    if (owned) /* it may be mapped this very moment: mm/holes/rmap.c says why that is all right */
        rmap_punch_frames(f, first, nr);
    counter_inc(COUNTER_HOLE_PUNCH);
    counter_add(COUNTER_HOLE_FRAMES, nr);
    *hole = h;
    return 0;
}

/* The frames that went bad inside the hole stay so, and remember the folio; the others are its again. */
static __noinline void write_words_around_poison(pfn_t first, u32 nr, memdesc_t saved)
{
    for (u32 i = 0; i < nr; i++) {
        memdesc_t word = memory.words[first + i];
        if (memdesc_type(word) == MEMDESC_HWPOISON)
            /* mm/spaces/map.c reads it */
            __atomic_store_n(&((struct hwpoison *)memdesc_pointer(word))->saved, saved, __ATOMIC_RELEASE);
        else
            memdesc_write(first + i, saved);
    }
}

/* The count is 0, so nobody finds it any more: words back, struct freed, perhaps the folio too. Returns 0. */
static int close_hole(struct insecure_mem *h)
{
    struct folio *f = h->folio;

    spin_lock(&f->lock);
    while (unlikely(!list_empty(&h->areas))) /* whose entries are gone: they show nothing any more */
        __atomic_store_n(&list_entry(list_pop_front(&h->areas), struct vma, obj_link)->hole, NULL, __ATOMIC_RELEASE);
    if (unlikely(READ_ONCE(f->flags) & FOLIO_F_POISON))
        write_words_around_poison(h->first, h->nr, h->saved);
    else
        write_words(h->first, h->nr, h->saved);
    u32 left = f->nr_holes - 1;
    WRITE_ONCE(f->nr_holes, left); /* folio_release() looks without the lock */
    bool last = left == 0 && READ_ONCE(f->flags) & FOLIO_F_DYING;
    spin_unlock(&f->lock);
    mm_event(MM_EVENT_HOLE_MEND, h->first, h->nr, (u64)h);
    slab_give(&hole_cache, offsetof(struct insecure_mem, slab_link), h);
    counter_inc(COUNTER_HOLE_MEND);
    if (unlikely(last))
        folio_free(f);
    return 0;
}

int folio_mend_hole(struct insecure_mem *h)
{
    u32 expected = 1;

    if (!__atomic_compare_exchange_n(&h->refs, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return -EBUSY;
    return close_hole(h);
}

void hole_put_many(struct insecure_mem *h, u32 nr)
{
    if (__atomic_sub_fetch(&h->refs, nr, __ATOMIC_ACQ_REL) == 0)
        close_hole(h);
}

struct insecure_mem *pfn_hole_get(pfn_t pfn)
{
    for (;;) {
        memdesc_t word = memdesc_read(pfn);
        if (memdesc_type(word) != MEMDESC_HOLE)
            return NULL;
        struct insecure_mem *h = memdesc_pointer(word);
        bool got = refs_get_unless_zero(&h->refs);
        if (likely(memdesc_read(pfn) == word))
            return got ? h : NULL;
        if (got)
            hole_put(h);
    }
}

u64 holes_in_use(void) { return slab_in_use(&hole_cache); }
