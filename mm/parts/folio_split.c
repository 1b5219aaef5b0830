/* SPDX-License-Identifier: MIT */
/*
 * Splitting folios, uniformly or around one block, and joining them again: contracts are in <quire/folio.h>.
 *
 * Everything that can fail comes first: descriptors for the parts are allocated, then the folio is frozen (its count
 * becomes 0, so nobody can find it). After that there are only stores. Each part can be found as soon as its count is
 * stored. The first part comes last, when all words and the owner's tree are up to date.
 *
 * Locks: owner->lock (a backed object's tree changes), then the folio by freezing it.
 */
#include <quire/buddy.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/folio.h>
#include <quire/log.h>
#include <quire/folio_trim.h>
#include <quire/memobj.h>
#include "folio_parts.h"

/* Whether the folio can be neither split nor joined. */
static bool stays_whole(const struct folio *f)
{
    return READ_ONCE(f->nr_holes) || READ_ONCE(f->flags) & (FOLIO_F_POISON | FOLIO_F_SECURE | FOLIO_F_DYING);
}

static struct memobj *backing(const struct folio *f)
{
    return f->owner && f->owner->kind == MEMOBJ_BACKED ? f->owner : NULL;
}

static void lock_owner(struct memobj *owner)
{
    if (owner)
        mutex_lock(&owner->lock);
}
static void unlock_owner(struct memobj *owner)
{
    if (owner)
        mutex_unlock(&owner->lock);
}

/* --- parts ------------------------------------------------------------------------------------- */
/* The list goes through slab_link, which only free descriptors use. */
struct folio *take_descriptors(size_t nr)
{
    struct folio *list = NULL;

    while (nr--) {
        struct folio *f = folio_descriptor_alloc();
        if (!f) {
            give_descriptors(list);
            return NULL;
        }
        f->slab_link = list;
        list = f;
    }
    return list;
}

struct folio *next_descriptor(struct folio **list)
{
    struct folio *f = *list;
    *list = f->slab_link;
    f->slab_link = NULL;
    return f;
}

void give_descriptors(struct folio *list)
{
    while (list)
        folio_descriptor_free(next_descriptor(&list));
}

/* Stores `part` in the owner's tree for all its pages. The slots exist, so nothing can fail. */
static void tell_owner(struct memobj *owner, struct folio *part)
{
    for (u64 i = 0; owner && i < folio_nr_pages(part); i++)
        radix_set(&owner->folios, part->index + i, part);
}

void make_part(struct folio *part, const struct folio *whole, size_t first, unsigned order)
{
    part->pfn = whole->pfn + first;
    part->order = (u8)order;
    WRITE_ONCE(part->flags, whole->flags); /* somebody with a stale pointer may read them: mm/holes/poison.c */
    part->owner = whole->owner;
    if (part->owner && part->owner->kind == MEMOBJ_ANON) /* each private folio keeps its owner alive */
        memobj_get(part->owner);
    part->index = whole->index + first;
    part->quota = whole->quota; /* frames are charged, and their number hasn't changed */
    part->clean = 0;            /* unknown, so the part is cleaned again */
    part->gen = whole->gen;
    memdesc_fill(memory.words + part->pfn, 1UL << order, folio_word(part));
}

/* Freezes a folio for a split or a join. 0: it is frozen; -EBUSY or -EAGAIN: it can't be. */
static int freeze(struct folio *f, int expected)
{
    if (stays_whole(f))
        return -EBUSY;
    if (folio_map_count(f) || !folio_ref_freeze(f, expected))
        return -EAGAIN;
    if (folio_map_count(f) || stays_whole(f)) { /* it changed between the first check and the freeze */
        int err = stays_whole(f) ? -EBUSY : -EAGAIN;
        folio_ref_unfreeze(f, expected);
        return err;
    }
    if (f->flags & FOLIO_F_PARTIAL)
        folio_forget_partial(f);
    return 0;
}

/*
 * Cuts the frozen folio into parts of new_order; or, with `around`, into one block of new_order and other parts that
 * are as large as possible. On return all parts can be found again; the first part comes last.
 */
static void split_frozen(struct folio *f, unsigned new_order, bool around, size_t block, struct folio *list, int refs)
{
    struct memobj *owner = backing(f);
    size_t nr = folio_nr_pages(f);
    unsigned first_order = 0;

    for (size_t at = 0; at < nr;) {
        unsigned order = new_order;
        while (around && order + 1u < f->order && IS_ALIGNED(at, 1UL << (order + 1)) &&
               (block < at || block >= at + (1UL << (order + 1))))
            order++; /* a larger part, as long as the block isn't inside */
        if (at == 0) {
            first_order = order;
        } else {
            struct folio *part = next_descriptor(&list);
            make_part(part, f, at, order);
            tell_owner(owner, part);
            __atomic_store_n(&part->refs, 1, __ATOMIC_RELEASE);
        }
        at += 1UL << order;
    }
    KASSERT(!list, "folio_split: more descriptors than parts");
    f->order = (u8)first_order;
    f->clean = 0;
    folio_ref_unfreeze(f, refs);
}

static int split(struct folio *f, unsigned new_order, bool around, size_t block, size_t nr_new)
{
    struct memobj *owner = backing(f);
    int refs = owner ? 2 : 1; /* the caller's and the owner's */
    struct folio *list = take_descriptors(nr_new);

    if (!list)
        return -ENOMEM;
    lock_owner(owner);
    int err =
        backing(f) == owner ? freeze(f, refs) : -EAGAIN; /* its object may have become smaller before it was locked */
    if (!err) {
        split_frozen(f, new_order, around, block, list, refs);
        counter_inc(COUNTER_FOLIO_SPLIT);
    }
    unlock_owner(owner);
    if (err)
        give_descriptors(list);
    return err;
}

int folio_split(struct folio *f, unsigned new_order)
{
    if (new_order >= f->order)
        return -EINVAL;
    return split(f, new_order, false, 0, (1UL << (f->order - new_order)) - 1);
}

int folio_split_around(struct folio *f, size_t first, unsigned order)
{
    if (order >= f->order || !IS_ALIGNED(first, 1UL << order) || first >= folio_nr_pages(f))
        return -EINVAL;
    return split(f, order, true, first, f->order - order);
}

/* --- join -------------------------------------------------------------------------------------- */
/* The folio at this frame, if it can be a part of the joined one: same owner, same quota, same state, next index. */
static struct folio *part_at(const struct folio *low, pfn_t pfn, size_t at, unsigned new_order)
{
    memdesc_t word = memdesc_read(pfn);
    struct folio *f = memdesc_type(word) == MEMDESC_FOLIO ? memdesc_pointer(word) : NULL;

    if (!f || f->pfn != pfn || f->order > new_order || f->owner != low->owner || f->quota != low->quota ||
        stays_whole(f) || (low->owner && f->index != low->index + at))
        return NULL;
    return f;
}

/* Unfreezes the parts before frame `end`. */
static void unfreeze_parts(const struct folio *low, pfn_t end, int low_refs)
{
    for (pfn_t pfn = low->pfn; pfn < end;) {
        struct folio *f = memdesc_pointer(memdesc_read(pfn));
        pfn += folio_nr_pages(f);
        folio_ref_unfreeze(f, f == low ? low_refs : 1);
    }
}

static int freeze_parts(struct folio *low, unsigned new_order, int low_refs)
{
    pfn_t end = low->pfn + (1UL << new_order);

    for (pfn_t pfn = low->pfn; pfn < end;) {
        struct folio *f = part_at(low, pfn, pfn - low->pfn, new_order);
        int err = f ? freeze(f, f == low ? low_refs : 1) : -EBUSY;
        if (err) {
            unfreeze_parts(low, pfn, low_refs);
            return err;
        }
        pfn += folio_nr_pages(f);
    }
    return 0;
}

int folio_join(struct folio *low, unsigned new_order, struct folio **joined)
{
    struct memobj *owner = backing(low);
    int refs = owner ? 2 : 1;
    size_t nr = 1UL << new_order;

    if (new_order <= low->order || new_order > BUDDY_MAX_ORDER || !IS_ALIGNED(low->pfn, nr) ||
        !pfn_valid(low->pfn + nr - 1))
        return -EINVAL;
    lock_owner(owner);
    int err = backing(low) == owner ? freeze_parts(low, new_order, refs) : -EAGAIN;
    if (!err) {
        for (pfn_t pfn = low->pfn + folio_nr_pages(low); pfn < low->pfn + nr;) {
            struct folio *part = memdesc_pointer(memdesc_read(pfn));
            size_t pages = folio_nr_pages(part);
            memdesc_fill(memory.words + pfn, pages, folio_word(low));
            if (part->owner && part->owner->kind == MEMOBJ_ANON)
                memobj_put(part->owner);
            part->quota = NULL;
            part->owner = NULL;
            WRITE_ONCE(part->flags, 0);
            folio_descriptor_free(part);
            pfn += pages;
        }
        low->order = (u8)new_order;
        low->clean = 0;
        tell_owner(owner, low);
        counter_inc(COUNTER_FOLIO_JOIN);
        folio_ref_unfreeze(low, refs);
        *joined = low;
    }
    unlock_owner(owner);
    return err;
}
