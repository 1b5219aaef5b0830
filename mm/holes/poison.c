/* SPDX-License-Identifier: MIT */
/*
 * Poisoned frames: see <quire/poison.h>. What happens depends on the frame's word at that moment:
 *
 *   BUDDY    the frame is taken out of its free block, and never handed out again
 *   FOLIO    the word points to a struct hwpoison from now on, and every mapping of the frame is removed. The next
 *            access is a bus error. The rest of the folio stays in use, and is freed without the frame. The same for a
 *            dying folio. A folio that is being made, freed, split or joined is looked at again
 *   HOLE     the same, but the record keeps the hole's word; the areas that show the hole are in the hole's list
 *   MISC, SLAB, PTDESC, UV   -EBUSY: the kernel (or a guest) uses the frame, and no other frame can replace it
 */
#include <quire/poison.h>
#include <quire/buddy.h>
#include <quire/frame_cache.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/upcalls.h>
#include <quire/rmap.h>
#include <quire/slab.h>

static SLAB_CACHE(poison_cache, hwpoison, slab_link, true);

/*
 * How often memory_failure() looks again at a frame that is just changing its owner. Making or freeing a folio takes at
 * most some thousand instructions. So -EBUSY comes only if somebody keeps a folio frozen.
 */
#if defined(QUIRE_NATIVE) && !defined(EXPLORE) /* one thread plays all CPUs: no other CPU is changing an owner */
#define MOST_LOOKS 64u
#else
#define MOST_LOOKS (1u << 17)
#endif

/* Poisons a frame of a published folio. 1: the word has changed, look again. */
static int poison_folio(pfn_t pfn, struct folio *f, struct hwpoison *record)
{
    spin_lock(&f->lock);
    memdesc_t word = memdesc_read(pfn);
    bool same = word == folio_word(f);
    if (same) {
        record->saved = word;
        memdesc_write(pfn, memdesc_make(MEMDESC_HWPOISON, record));
        folio_set_flags(f, FOLIO_F_POISON);
    }
    bool owned = f->owner != NULL;
    spin_unlock(&f->lock);
    if (!same)
        return 1;
    if (owned)
        rmap_poison_frame(f, pfn - f->pfn);
    return 0;
}

static int poison_hole(pfn_t pfn, struct insecure_mem *h, struct hwpoison *record)
{
    struct folio *f = h->folio; /* exists as long as its hole */
    u32 mappings = 0;

    spin_lock(&f->lock);
    memdesc_t word = memdesc_read(pfn);
    bool same = word == memdesc_make(MEMDESC_HOLE, h);
    if (same) {
        record->saved = word;
        memdesc_write(pfn, memdesc_make(MEMDESC_HWPOISON, record));
        folio_set_flags(f, FOLIO_F_POISON);
        mappings = rmap_poison_in_hole(h, pfn);
    }
    bool owned = same && f->owner != NULL;
    spin_unlock(&f->lock);
    if (owned) /* whoever punches the hole may not have removed the frame's mappings yet */
        rmap_poison_frame(f, pfn - f->pfn);
    hole_put_many(h, mappings); /* the caller has a reference of its own */
    return same ? 0 : 1;
}

/*
 * Poisons a frame of a folio that nobody can find. A dying folio stays so until its holes close; its lock is enough,
 * because nothing maps it any more. 1: the folio is being made, split, joined or freed, so look again soon.
 */
static int poison_unfindable(pfn_t pfn, memdesc_t word, struct hwpoison *record)
{
    struct folio *f = memdesc_pointer(word); /* typed memory: there is a lock, perhaps another folio's */

    spin_lock(&f->lock);
    bool dying = memdesc_read(pfn) == word && READ_ONCE(f->flags) & FOLIO_F_DYING && f->nr_holes;
    if (dying) {
        record->saved = word;
        memdesc_write(pfn, memdesc_make(MEMDESC_HWPOISON, record));
        folio_set_flags(f, FOLIO_F_POISON);
    }
    spin_unlock(&f->lock);
    if (dying)
        return 0;
    cpu_relax();
    return 1;
}

/* One try. 1: the frame's owner changed before this function could get a reference to it. */
static int try_poison(pfn_t pfn, struct hwpoison *record)
{
    memdesc_t word = memdesc_read(pfn);
    int result;

    switch (memdesc_type(word)) {
    case MEMDESC_HWPOISON:
        return -EHWPOISON;
    case MEMDESC_BUDDY:
        if (!buddy_take_frame(&buddy, pfn)) {
            frame_cache_drain(); /* free, but in the cache of some CPU */
            return 1;
        }
        memdesc_write(pfn, memdesc_make(MEMDESC_HWPOISON, record));
        return 0;
    case MEMDESC_FOLIO: {
        struct folio *f = pfn_folio_get(pfn);
        if (!f)
            return poison_unfindable(pfn, word, record);
        result = poison_folio(pfn, f, record);
        folio_put(f);
        return result;
    }
    case MEMDESC_HOLE: {
        struct insecure_mem *h = pfn_hole_get(pfn);
        if (!h)
            return 1;
        result = poison_hole(pfn, h, record);
        hole_put(h);
        return result;
    }
    default:
        return -EBUSY;
    }
}

int memory_failure(pfn_t pfn)
{
    if (!pfn_valid(pfn) || memdesc_read(pfn) == memdesc_make_misc(MISC_ABSENT))
        return -EINVAL;
    struct hwpoison *record = slab_alloc(&poison_cache);
    if (!record)
        return -ENOMEM;
    record->pfn = pfn;
    record->saved = 0;
    int result;
    for (unsigned looks = 0; (result = try_poison(pfn, record)) > 0; looks++) {
        if (looks == MOST_LOOKS)
            result = -EBUSY;
        if (result < 0)
            break;
        preempt_point();
    }
    if (result)
        slab_free(&poison_cache, record);
    else
        counter_inc(COUNTER_POISON);
    return result;
}
