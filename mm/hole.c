/* SPDX-License-Identifier: MIT */
/*
 * Punching and mending holes in folios: see <quire/hole.h>.
 *
 * Order of a punch: allocate, check and rewrite the words under the folio lock, then remove the host's
 * entries for those frames and flush. Rewriting first means that nobody can map them again in between:
 * every batcher reads the words again under its page-table lock (map_pages), and stops at a change.
 */
#include <quire/hole.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/mm_event.h>
#include <quire/poison.h>
#include <quire/rmap.h>
#include <quire/slab.h>

static SLAB_CACHE(hole_cache, insecure_mem, slab_link, true);

/* What keeps [first, first + nr) from becoming a hole: 0, -EBUSY or -EHWPOISON. Folio locked. */
static int check_range(const struct folio *f, pfn_t first, size_t nr)
{
    memdesc_t own = folio_word(f);

    for (size_t i = 0; i < nr; i++) {
        memdesc_t word = memory.words[first + i];
        if (likely(word == own))
            continue;
        return memdesc_type(word) == MEMDESC_HWPOISON ? -EHWPOISON : -EBUSY;
    }
    return 0;
}

int folio_punch_hole(struct folio *f, size_t first, size_t nr, enum hole_kind kind, struct insecure_mem **hole)
{
    if (nr == 0 || first >= folio_nr_pages(f) || nr > folio_nr_pages(f) - first)
        return -EINVAL;
    struct insecure_mem *h = slab_alloc(&hole_cache);
    if (!h)
        return -ENOMEM;
    h->nr = (u32)nr;
    h->saved = folio_word(f);
    h->first = f->pfn + first;
    h->folio = f;
    h->map_count = 0;
    h->kind = (u8)kind;
    __atomic_store_n(&h->refs, 1, __ATOMIC_RELEASE);

    spin_lock(&f->lock);
    int err = check_range(f, h->first, nr);
    if (!err) {
        memdesc_t word = memdesc_make(MEMDESC_HOLE, h);
        for (size_t i = 0; i < nr; i++)
            memdesc_write(h->first + i, word);
        if (f->nr_holes++ == 0)
            list_init(&f->holes);
        list_push_back(&f->holes, &h->link);
        f->flags |= FOLIO_F_HOLES;
    }
    spin_unlock(&f->lock);
    if (err) {
        h->refs = 0;
        slab_free(&hole_cache, h);
        return err;
    }
    mm_event(MM_EVENT_HOLE_PUNCH, h->first, nr, (u64)h);
    if (folio_map_count(f))
        rmap_unmap_frames(f, first, nr);
    counter_inc(COUNTER_HOLE_PUNCH);
    counter_add(COUNTER_HOLE_FRAMES, nr);
    *hole = h;
    return 0;
}

/* The count is 0, so nobody finds it any more: words back, struct freed, perhaps the folio too. */
static void close_hole(struct insecure_mem *h)
{
    struct folio *f = h->folio;

    spin_lock(&f->lock);
    for (u32 i = 0; i < h->nr; i++) {
        memdesc_t word = memory.words[h->first + i];
        if (unlikely(memdesc_type(word) == MEMDESC_HWPOISON)) /* went bad inside the hole */
            ((struct hwpoison *)memdesc_pointer(word))->saved = h->saved;
        else
            memdesc_write(h->first + i, h->saved);
    }
    list_remove(&h->link);
    if (--f->nr_holes == 0)
        f->flags &= ~FOLIO_F_HOLES;
    bool last = f->nr_holes == 0 && f->flags & FOLIO_F_DYING;
    spin_unlock(&f->lock);
    mm_event(MM_EVENT_HOLE_MEND, h->first, h->nr, (u64)h);
    slab_free(&hole_cache, h);
    counter_inc(COUNTER_HOLE_MEND);
    if (last)
        folio_free(f);
}

int folio_mend_hole(struct insecure_mem *h)
{
    u32 expected = 1;

    if (!__atomic_compare_exchange_n(&h->refs, &expected, 0, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        return -EBUSY;
    close_hole(h);
    return 0;
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
        u32 refs = READ_ONCE(h->refs);
        bool got = false;
        while (refs && !got)
            got = __atomic_compare_exchange_n(&h->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
        if (likely(memdesc_read(pfn) == word))
            return got ? h : NULL;
        if (got)
            hole_put(h);
    }
}

u64 holes_in_use(void) { return slab_in_use(&hole_cache); }
