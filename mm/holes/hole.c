/* SPDX-License-Identifier: MIT */
/*
 * Punching and mending holes in folios: see <quire/hole.h>.
 *
 * Order of a punch: allocate; check and rewrite the words under the folio's lock; then remove the host's entries for
 * those frames, and flush. The words are rewritten first, so that nobody can map the frames again in between. The head
 * of mm/holes/rmap.c has the protocol, "Mapping against changing words".
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

/* Whether [first, first + nr) can become a hole: 0, -EBUSY or -EHWPOISON. Folio locked. */
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

/* Writes nr words, each by one store, after all earlier stores of the caller. */
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
        WRITE_ONCE(h->refs, 1); /* somebody with a stale pointer may read it: pfn_hole_get() */
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
    if (owned) /* it may be mapped at this moment: mm/holes/rmap.c says why that does no harm */
        rmap_punch_frames(f, first, nr);
    counter_inc(COUNTER_HOLE_PUNCH);
    counter_add(COUNTER_HOLE_FRAMES, nr);
    *hole = h;
    return 0;
}

/* Frames that broke inside the hole stay broken; their records now name the folio. All others are the folio's again. */
static __noinline void write_words_around_poison(pfn_t first, u32 nr, memdesc_t saved)
{
    for (u32 i = 0; i < nr; i++) {
        memdesc_t word = memory.words[first + i];
        if (memdesc_type(word) == MEMDESC_HWPOISON)
            /* read without a lock: word_below_poison() */
            __atomic_store_n(&((struct hwpoison *)memdesc_pointer(word))->saved, saved, __ATOMIC_RELEASE);
        else
            memdesc_write(first + i, saved);
    }
}

/*
 * The hole's count is 0, so nobody finds it any more. The words point to the folio again, and the struct is freed; the
 * folio too, if it is dying and this was its last hole. Returns 0.
 */
static int close_hole(struct insecure_mem *h)
{
    struct folio *f = h->folio;

    spin_lock(&f->lock);
    while (unlikely(!list_empty(&h->areas))) /* whose entries are gone: these areas show nothing any more */
        __atomic_store_n(&list_entry(list_pop_front(&h->areas), struct vma, obj_link)->hole, NULL, __ATOMIC_RELEASE);
    if (unlikely(READ_ONCE(f->flags) & FOLIO_F_POISON))
        write_words_around_poison(h->first, h->nr, h->saved);
    else
        write_words(h->first, h->nr, h->saved);
    u32 left = f->nr_holes - 1;
    WRITE_ONCE(f->nr_holes, left); /* folio_release() reads it without the lock */
    bool last = left == 0 && READ_ONCE(f->flags) & FOLIO_F_DYING;
    spin_unlock(&f->lock);
    mm_event(MM_EVENT_HOLE_MEND, h->first, h->nr, (u64)h);
    slab_give(&hole_cache, 0, offsetof(struct insecure_mem, slab_link), h);
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
    if (refs_put(&h->refs, nr, "hole", h))
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
