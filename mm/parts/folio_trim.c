/* SPDX-License-Identifier: MIT */
/*
 * Folios that are mapped only in part. If a program unmaps fifteen pages of a folio of sixteen, the folio keeps all its
 * frames until the last page is unmapped, and its account pays for them. That costs little while there is free memory.
 * When a request fails because memory is short, such folios are cut down to the frames that are still mapped.
 *
 * Whoever unmaps a part of a private folio puts the folio into its account's list (folio_note_partial). A request that
 * finds no memory, or an account at its limit, calls folios_trim_for(). That goes through the account's own list,
 * oldest folio first: frames that aren't mapped are freed, and mapped frames become folios that are as large as
 * possible and wholly mapped. Entries and contents stay. If the machine is short of memory, the other accounts' lists
 * have their turns after that.
 *
 * Bound: after folios_trim() has returned 0, frames that are kept without being mapped belong to folios that several
 * address spaces share after a fork, or to which somebody else holds a reference at this moment.
 *
 * A folio can be cut if its only references are mappings of one address space, and the caller's. Then, with its page
 * table locked and its count frozen, nobody else can find, map, unmap or free any part of it. All its entries lie in
 * one table: it is aligned in memory and in the address space, and no larger than what a table of pages spans.
 *
 * Lock order: memobj (the owner), page table, list_lock. The list holds no references: a folio that is freed leaves it.
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

#define TRIM_FRAMES 512 /* how many frames to free when a request fails: more than any fault needs */

/* --- cutting one ------------------------------------------------------------------------------- */
/* Whether the entry shows the i-th frame of the folio. */
static bool shows(pte_t e, const struct folio *f, size_t i) { return pte_present(e) && pte_pfn(e) == f->pfn + i; }

/* The order of the largest aligned part from `at` on whose frames are all mapped; the frame at `at` is mapped. */
static unsigned mapped_order(const pte_t *first, const struct folio *f, size_t at)
{
    unsigned order = 0;

    for (size_t nr = 1; order < f->order && IS_ALIGNED(at, 2 * nr); nr *= 2, order++)
        for (size_t i = at + nr; i < at + 2 * nr; i++)
            if (!shows(pte_load(first + i), f, i))
                return order;
    return order;
}

/* Returns how many parts the mapped frames make; *mapped: how many frames are mapped. */
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

/* Cuts the frozen folio into its mapped parts. Its own descriptor becomes the first part, which is published last. */
static void cut_frozen(struct folio *f, const pte_t *first, struct folio **list)
{
    struct folio whole = {
        .pfn = f->pfn, .order = f->order, .owner = f->owner, .index = f->index, .quota = f->quota, .gen = f->gen};
    size_t nr = folio_nr_pages(&whole), gap = 0;
    bool own = false;

    for (size_t at = 0; at < nr;) {
        if (!shows(pte_load(first + at), &whole, at)) {
            at++;
            continue;
        }
        unsigned order = mapped_order(first, &whole, at);
        give_back(whole.pfn + gap, at - gap);
        if (!own) { /* the first part: its words point to this descriptor already */
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

/* Clears the flag after the count is set. Whoever sees the flag cleared sees the new count. */
static void stop_cutting(struct folio *f) { __atomic_fetch_and(&f->flags, ~FOLIO_F_CUTTING, __ATOMIC_RELEASE); }

/*
 * Cuts a folio; the table of its entries is locked. `list` has *nr descriptors. Returns how many frames were freed. If
 * it returns 0 and has raised *nr, it needs that many descriptors.
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
    folio_set_flags(f, FOLIO_F_CUTTING); /* the folio stays mapped, so a look-up by a frame has to try again */
    bool ours = folio_ref_freeze(f, (int)mapped + 1); /* the mappings' references, and the caller's */
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
    stop_cutting(f); /* the table is locked, so the folio's entries keep it */
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

/* Finds the folio's table and calls cut_locked(); parameters and result are the same. Owner locked. */
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

/* Drops the caller's reference. Returns how many frames were freed. */
static u64 trim(struct folio *f)
{
    struct memobj *owner = folio_owner_get(f);
    struct folio *list = NULL;
    size_t have = 0, need = 0;
    u64 frames = 0;

    /* The folio must lie in one table. If it has more mappings than pages, several address spaces map it. */
    bool may_be_cut = owner && owner->kind == MEMOBJ_ANON && f->order <= PT_SHIFT(1) - PT_SHIFT(0) &&
                      folio_map_count(f) <= (int)folio_nr_pages(f);

    for (unsigned tries = 0; may_be_cut && tries < 4; tries++) {
        mutex_lock(&owner->lock);
        frames = cut_in_areas(f, owner, &list, &need);
        mutex_unlock(&owner->lock);
        if (frames || need == have)
            break;
        give_descriptors(list); /* too few; when there are more, the folio may have even more parts, so try again */
        list = take_descriptors(need);
        have = need;
        if (!list)
            break;
    }
    give_descriptors(list); /* those that weren't needed: there may be fewer parts now */
    if (!frames) { /* it is in use, or shared with a child, whose pages may be all that is left of it one day */
        if (folio_map_count(f))
            folio_note_partial(f, 0);
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

    /* Looks at each folio at most once: one that can't be cut goes to the end of the list. */
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
