/* SPDX-License-Identifier: MIT */
/*
 * Making, finding and freeing folios: see <quire/folio.h> for what they are.
 *
 * To publish a folio, its maker fills the descriptor, writes the words, and last stores the reference count with
 * release. Freeing is the reverse: every word is rewritten before the descriptor goes back to its (typed) cache.
 */
#include <quire/folio_alloc.h>
#include <quire/folio_trim.h>
#include <quire/frame_cache.h>
#include <quire/counters.h>
#include <quire/log.h>
#include <quire/memobj.h>
#include <quire/poison.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/mm_event.h>
#include <arch-generic/page.h>

SLAB_CACHE(folio_cache, folio, slab_link, true);
LOCK_ORDER(6, folio_cache, folio, lock);

struct folio *folio_make(unsigned order, unsigned flags)
{
    return order == 0 ? folio_make_inline(0, 0, flags) : folio_make_inline(FRAME_CACHE_CLASSES, order, flags);
}

struct folio *folio_alloc(unsigned order, unsigned flags)
{
    struct folio *f = order == 0 ? folio_make_inline(0, 0, flags) : folio_make(order, flags);

    if (f)
        folio_publish(f, FOLIO_REFERENCE);
    return f;
}

struct folio *folio_of_frames(pfn_t pfn, unsigned order)
{
    struct folio *f = slab_alloc(&folio_cache);

    if (!f)
        return NULL;
    f->pfn = pfn;
    f->order = (u8)order;
    memdesc_fill(memory.words + pfn, 1UL << order, folio_word(f));
    folio_publish(f, FOLIO_REFERENCE);
    return f;
}

/* Frees all frames but the broken ones, whose records no longer name the folio. */
static __noinline void free_around_poison(pfn_t first, u64 nr)
{
    pfn_t run = first;

    for (pfn_t pfn = first; pfn < first + nr; pfn++) {
        memdesc_t word = memory.words[pfn];
        if (memdesc_type(word) != MEMDESC_HWPOISON)
            continue;
        __atomic_store_n(&((struct hwpoison *)memdesc_pointer(word))->saved, 0, __ATOMIC_RELEASE);
        buddy_free_range(&buddy, run, pfn - run);
        run = pfn + 1;
    }
    buddy_free_range(&buddy, run, first + nr - run);
}

void folio_free(struct folio *f)
{
    KASSERT(f->map_count == 0, "folio at frame 0x%lx freed while %u of its frames are mapped", f->pfn,
            f->map_count);
    if (f->flags & FOLIO_F_PARTIAL)
        folio_forget_partial(f);
    counter_inc(COUNTER_FOLIO_FREE);
    mm_event(MM_EVENT_FOLIO_FREE, f->pfn, f->order, (u64)f);
    quota_uncharge(f->quota, folio_nr_pages(f));
    f->quota = NULL;
    if (f->owner) { /* private memory; an object's folios lose their owner when the object is freed */
        memobj_put(f->owner);
        f->owner = NULL;
    }
    f->index = 0;
    f->clean = 0;
    if (unlikely(f->flags & FOLIO_F_POISON))
        free_around_poison(f->pfn, folio_nr_pages(f));
    else
        frame_cache_free(f->pfn, f->order);
    WRITE_ONCE(f->flags, 0); /* somebody with a stale pointer may read them: mm/holes/poison.c */
    slab_free(&folio_cache, f);
}

/* The count has just reached 0. */
void folio_release(struct folio *f)
{
    /* Nobody can punch a hole any more. Whoever has just closed the last hole still holds the lock, or is done. */
    if (likely(!__atomic_load_n(&f->nr_holes, __ATOMIC_ACQUIRE) && !spin_is_locked(&f->lock))) {
        folio_free(f);
        return;
    }
    spin_lock(&f->lock);
    bool dying = f->nr_holes > 0;
    if (dying)
        folio_set_flags(f, FOLIO_F_DYING); /* the last mend frees it */
    spin_unlock(&f->lock);
    if (!dying)
        folio_free(f);
}

/* --- many at once ------------------------------------------------------------------------------ */
/* For freed folios of the same quota and owner: gives both back once for all. `chain`: the folios' descriptors. */
static __noinline void give_back(struct quota *quota, struct memobj *owner, u64 frames, struct folio *chain, u32 folios)
{
    if (!folios)
        return;
    counter_add(COUNTER_FOLIO_FREE, folios);
    quota_uncharge(quota, frames);
    memobj_put_many(owner, folios);
    slab_free_chain(&folio_cache, chain, folios);
}

static inline void free_run(pfn_t first, pfn_t end)
{
    if (likely(end > first))
        frame_cache_free_run(first, end - first);
}

/*
 * Does what folio_free() does, for many folios. Neighbouring frames go back as one run. Quota and owner are changed
 * once for consecutive folios that share them. Every frame's word is rewritten before the folio's descriptor goes back.
 */
void folio_put_all_mapped(const struct folio_mappings *mappings, unsigned nr)
{
    const struct folio_mappings *m = mappings, *last = mappings + nr;
    memdesc_t *words = memory.words;
    struct quota *quota = NULL;
    struct memobj *owner = NULL;
    struct folio *chain = NULL;
    u64 frames = 0;
    u32 folios = 0;
    pfn_t first = 0, end = 0;

    for (; m < last; m++) {
        struct folio *f = m->folio;
        u64 minus = m->minus, left = __atomic_add_fetch(&f->counts, minus, __ATOMIC_ACQ_REL);
        if (left != 0) {
            KASSERT(folio_counts_refs(left), "folio at frame 0x%lx freed while %u of its frames are mapped", f->pfn,
                    f->map_count);
            continue;
        }
        if (unlikely(READ_ONCE(f->lock_and_holes) | f->flags)) {
            folio_release(f);
            continue;
        }
        pfn_t pfn = f->pfn;
        mm_event(MM_EVENT_FOLIO_FREE, pfn, f->order, (u64)f);
        if (unlikely(f->quota != quota || f->owner != owner)) {
            give_back(quota, owner, frames, chain, folios);
            quota = f->quota;
            owner = f->owner;
            frames = folios = 0;
            chain = NULL;
        }
        if (unlikely(pfn != end)) {
            free_run(first, end);
            first = pfn;
        }
        WRITE_ONCE(words[pfn], MEMDESC_BUDDY);
        end = pfn + 1;
        if (f->order) {
            end = pfn + (1UL << f->order);
            memdesc_fill_inline(words + pfn, 1UL << f->order, MEMDESC_BUDDY);
        }
        frames += end - pfn;
        f->quota = NULL;
        f->owner = NULL;
        f->clean = 0;
        f->slab_link = chain;
        chain = f;
        folios++;
    }
    free_run(first, end);
    give_back(quota, owner, frames, chain, folios);
}

/*
 * Whether the count was 0 only because the folio is being cut, or was until now. The flag is cleared after the count is
 * set: so this function reads the flag first.
 */
static bool only_for_a_moment(const struct folio *f)
{
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&f->flags, __ATOMIC_ACQUIRE) & FOLIO_F_CUTTING || folio_ref_count(f);
}

/* The first look failed: the count was 0, or the word changed. Tries again until both reads of the word agree. */
__noinline struct folio *pfn_folio_get_slow(pfn_t pfn)
{
    for (;;) {
        memdesc_t word = memdesc_read(pfn);
        if (memdesc_type(word) != MEMDESC_FOLIO)
            return NULL;
        struct folio *f = memdesc_pointer(word);
        bool got = folio_try_get(f);
        if (unlikely(!got && only_for_a_moment(f))) {
            cpu_relax();
            continue;
        }
        if (likely(memdesc_read(pfn) == word))
            return got ? f : NULL;
        if (got) /* the folio was freed and made again between the two reads */
            folio_put(f);
    }
}

struct folio *folio_descriptor_alloc(void) { return slab_alloc(&folio_cache); }
void folio_descriptor_free(struct folio *f) { slab_free(&folio_cache, f); }

bool folio_has_hole(const struct folio *f) { return READ_ONCE(f->nr_holes) > 0; }
bool folio_has_poison(const struct folio *f) { return READ_ONCE(f->flags) & FOLIO_F_POISON; }
u64 folio_descriptors_in_use(void) { return slab_in_use(&folio_cache); }
