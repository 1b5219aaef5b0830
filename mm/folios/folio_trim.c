/* SPDX-License-Identifier: MIT */
/*
 * Folios that are mapped only in part. A program gives back fifteen pages of a folio of sixteen, and the folio keeps
 * all its frames, and its account pays for them, until the last page goes. That is cheap while there is memory; when
 * a request fails for want of it, such folios are cut down to what is still mapped.
 *
 * Who unmaps a part of a private folio puts it into its account's list (folio_note_partial). Whoever runs out of
 * memory or of its account asks folios_trim_for(), which goes through its own list, oldest first: the frames that
 * nothing maps go back, those that are mapped become folios as large as can be, each wholly mapped; entries and
 * contents stay. If the machine is short of memory, then the other accounts' lists have their turns.
 *
 * Bound: after folios_trim() has returned 0, the frames that are kept without being mapped belong to folios that
 * several address spaces share after a fork, or that somebody else holds a reference to at this moment.
 *
 * A folio can be cut if all its references are mappings of one address space, and ours: then, with its page table
 * locked and its count frozen, nobody else can find, map, unmap or free any part of it. Its entries all lie in one
 * table: it is aligned in memory and in the address space, and no larger than what a table of pages spans.
 *
 * Locks: memobj (the owner), page table, list_lock. The list holds no reference: a folio that is freed leaves it.
 */
#include <quire/folio_trim.h>
#include <quire/buddy.h>
#include <quire/batch.h>
#include <quire/counters.h>
#include <quire/memobj.h>
#include <quire/space.h>
#include <quire/mm_event.h>
#include <quire/upcalls.h>
#include <quire/quota.h>
#include <quire/rmap.h>
#include "folio_parts.h"
#include "partial.h"

#define TRIM_FRAMES 512 /* that many are asked for when a request fails: more than any fault needs */

/* --- cutting one ------------------------------------------------------------------------------- */
/* Whether the entry shows the i-th frame of the folio. */
static bool shows(pte_t e, const struct folio *f, size_t i) { return pte_present(e) && pte_pfn(e) == f->pfn + i; }

/* The order of the largest aligned part from `at` on that is mapped all over; the frame at `at` is. */
static unsigned mapped_order(const pte_t *first, const struct folio *f, size_t at)
{
    unsigned order = 0;

    for (size_t nr = 1; order < f->order && IS_ALIGNED(at, 2 * nr); nr *= 2, order++)
        for (size_t i = at + nr; i < at + 2 * nr; i++)
            if (!shows(pte_load(first + i), f, i))
                return order;
    return order;
}

/* How many frames are mapped, and into how many parts they fall. */
static size_t count_parts(const pte_t *first, const struct folio *f, size_t *mapped)
{
    size_t parts = 0;

    *mapped = 0;
    for (size_t at = 0; at < folio_nr_pages(f);) {
        if (!shows(pte_load(first + at), f, at)) {
            at++;
            continue;
        }
        size_t nr = 1UL << mapped_order(first, f, at);
        parts++;
        *mapped += nr;
        at += nr;
    }
    return parts;
}

static void give_back(pfn_t pfn, size_t nr)
{
    for (size_t i = 0; i < nr; i++)
        mm_event(MM_EVENT_FOLIO_FREE, pfn + i, 0, 0);
    buddy_free_range(&buddy, pfn, nr);
}

/* The frozen folio falls into its mapped parts. Its own descriptor becomes the first of them, published last. */
static void cut_frozen(struct folio *f, const pte_t *first, struct folio **list)
{
    struct folio whole = {.pfn = f->pfn, .order = f->order, .owner = f->owner, .index = f->index, .quota = f->quota, .gen = f->gen};
    size_t nr = folio_nr_pages(&whole), gap = 0;
    bool own = false;

    for (size_t at = 0; at < nr;) {
        if (!shows(pte_load(first + at), &whole, at)) {
            at++;
            continue;
        }
        unsigned order = mapped_order(first, &whole, at);
        give_back(whole.pfn + gap, at - gap);
        if (!own) { /* its words say so already */
            own = true;
            f->pfn = whole.pfn + at;
            f->index = whole.index + at;
            f->order = (u8)order;
            f->clean = 0;
        } else {
            struct folio *part = next_descriptor(list);
            make_part(part, &whole, at, order);
            folio_publish(part, FOLIO_MAPPING << order);
        }
        at += 1UL << order;
        gap = at;
    }
    give_back(whole.pfn + gap, nr - gap);
}

/* Behind the count, for who finds the one and then looks at the other. */
static void stop_cutting(struct folio *f) { __atomic_fetch_and(&f->flags, ~FOLIO_F_CUTTING, __ATOMIC_RELEASE); }

/*
 * With the table of its entries locked. `list`: *nr descriptors. Returns the frames that went back; 0 with *nr larger:
 * that many descriptors are needed.
 */
static u64 cut_locked(struct folio *f, const pte_t *first, struct folio **list, size_t *nr)
{
    size_t mapped, parts = count_parts(first, f, &mapped);
    u64 frames = folio_nr_pages(f) - mapped;

    if (!mapped || !frames || folio_map_count(f) != (int)mapped)
        return 0;
    if (parts - 1 > *nr) {
        *nr = parts - 1;
        return 0;
    }
    folio_set_flags(f, FOLIO_F_CUTTING); /* it stays mapped: whoever looks it up by a frame meanwhile looks again */
    bool ours = folio_ref_freeze(f, (int)mapped + 1); /* the mappings' references, and ours */
    if (ours && (READ_ONCE(f->nr_holes) || READ_ONCE(f->flags) & ~(FOLIO_F_PARTIAL | FOLIO_F_CUTTING))) {
        folio_ref_unfreeze(f, (int)mapped + 1);
        ours = false;
    }
    if (!ours) {
        stop_cutting(f);
        return 0;
    }
    struct quota *quota = f->quota;
    cut_frozen(f, first, list);
    folio_publish(f, FOLIO_MAPPING << f->order);
    stop_cutting(f); /* the table is locked: its entry keeps it */
    quota_uncharge(quota, frames);
    return frames;
}

/*
 * The entry of the folio's first page in this area's address space, if a table of pages is there; NULL. Owner locked.
 */
static const pte_t *first_entry(const struct vma *vma, const struct folio *f)
{
    vaddr_t addr = f->index << PAGE_SHIFT;
    unsigned level;
    pte_t *entry = addr < vma->end && addr + folio_size(f) > vma->start ? pt_walk(&vma->mm->root, addr, &level) : NULL;

    return entry && level == 0 ? entry : NULL;
}

/* As in cut_locked(), the owner locked. */
static u64 cut_in_areas(struct folio *f, struct memobj *owner, struct folio **list, size_t *nr)
{
    u64 frames = 0;

    list_for_each(node, &owner->areas) {
        const pte_t *first = first_entry(list_entry(node, struct vma, anon_link), f);
        preempt_point();
        if (!first)
            continue;
        spinlock_t *lock = pt_lock(first);
        size_t wanted = *nr;
        spin_lock(lock);
        frames = cut_locked(f, first, list, nr);
        spin_unlock(lock);
        if (frames || *nr != wanted)
            break;
    }
    return frames;
}

/* The caller's reference goes. Returns the frames that went back. */
static u64 trim(struct folio *f)
{
    struct memobj *owner = folio_owner_get(f);
    struct folio *list = NULL;
    size_t have = 0, need = 0;
    u64 frames = 0;

    /* In one table, and with no more mappings than pages: else several address spaces have it. */
    bool may_be_cut = owner && owner->kind == MEMOBJ_ANON && f->order <= PT_SHIFT(1) - PT_SHIFT(0) &&
                      folio_map_count(f) <= (int)folio_nr_pages(f);

    for (unsigned tries = 0; may_be_cut && tries < 4; tries++) {
        mutex_lock(&owner->lock);
        frames = cut_in_areas(f, owner, &list, &need);
        mutex_unlock(&owner->lock);
        if (frames || need == have)
            break;
        give_descriptors(list); /* so many parts there were: they may be more by the time there are descriptors */
        list = take_descriptors(need);
        have = need;
        if (!list)
            break;
    }
    give_descriptors(list); /* those that weren't needed: there may be fewer parts than there were */
    if (!frames) { /* not now: shared with a child, in use; perhaps for the next request */
        if (folio_map_count(f))
            folio_note_partial(f, (size_t)folio_map_count(f));
        folio_put(f);
    }
    if (owner)
        memobj_put(owner);
    return frames;
}

u64 folios_trim(struct quota *quota, u64 frames)
{
    u64 freed = 0, looks = partial_folios_count(quota);
    struct folio *f;

    /* Each at most once: what can't be cut is at the end of the list again. */
    while (freed < frames && looks-- && !preempt_point() && (f = partial_folio_take(quota)) != NULL)
        freed += trim(f);
    counter_add(COUNTER_FOLIO_TRIMMED, freed);
    return freed;
}

u64 folios_trim_for(struct quota *quota)
{
    u64 freed = quota ? folios_trim(quota, TRIM_FRAMES) : 0;
    bool room = !quota || quota_used(quota) < quota_limit(quota);

    return freed || !room ? freed : folios_trim(NULL, TRIM_FRAMES);
}
