/* SPDX-License-Identifier: MIT */
/* What the fault files share. Everything here is called with mm->areas_lock held for reading. */
#pragma once

#include <quire/counters.h>
#include <quire/folio_alloc.h>
#include <quire/mm.h>
#include <quire/quota.h>

#define DEFAULT_PAGES (1u << FOLIO_DEFAULT_ORDER)
#define PROT_WRITTEN (PROT_READ | PROT_WRITE) /* of an area that a program writes to: it can't be executable, too */

/*
 * One function for each kind of fault. `ptep` is the entry for addr; `e` and `old` are the value that the caller read
 * from it. 0: done, or another CPU was faster: try the access again. Otherwise an error of mm_fault().
 */
int fault_object(struct vma *vma, vaddr_t addr, pte_t *ptep);
int fault_device(struct vma *vma, vaddr_t addr, pte_t *ptep);
int fault_zero(struct vma *vma, vaddr_t addr, pte_t *ptep);
int fault_present(struct vma *vma, vaddr_t addr, unsigned access, pte_t *ptep, pte_t e);
int fault_write(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t old);
int fault_zero_write(struct vma *vma, vaddr_t addr, pte_t *ptep); /* the page of zeros is mapped there */
/* There is no table of pages. 1: now there is one, and *ptep is the entry. */
int fault_above_pages(struct vma *vma, vaddr_t addr, unsigned access, pte_t **ptep);
int fault_hole_mark(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t mark);
int frame_error(pfn_t pfn); /* why this frame can't be mapped: -EHWPOISON, -EBUSY; 0: it belongs to its folio again */

/* Whether nr entries are empty: none has a bit that the empty entry doesn't have. */
static __always_inline bool all_empty(const pte_t *ptep, unsigned nr)
{
    pte_t any = pte_load_raw(ptep);

#pragma GCC unroll 16
    for (unsigned i = 1; i < nr; i++)
        any.v |= pte_load_raw(ptep + i).v;
    return pte_same(any, pte_empty(0));
}

static inline void give_to(struct folio *f, struct memobj *anon, struct quota *quota, u64 index)
{
    memobj_get(anon);
    f->owner = anon;
    f->quota = quota;
    f->index = index;
}

#define NO_CLASS ~0u /* no class of the frame cache: it may not keep frames of this order */

/*
 * A folio for addr. It is charged, owned by the area's anonymous object, and not published yet: nobody can look it up,
 * punch it or poison it before it is mapped. NULL: no memory. Its frames come from `class` of the frame cache, inline.
 * The functions below ask for one frame, the default size, `order`, or at most `order`.
 */
static __always_inline struct folio *anon_new(struct vma *vma, vaddr_t addr, unsigned class, unsigned order, unsigned flags)
{
    struct quota *quota = vma->mm->quota;
    struct memobj *anon = area_anon(vma);

    if (unlikely(!anon || !quota_charge(quota, 1UL << order)))
        return NULL;
    struct folio *f = class == NO_CLASS ? folio_make(order, flags) : folio_make_inline(class, order, flags);
    if (likely(f))
        give_to(f, anon, quota, addr >> PAGE_SHIFT >> order << order);
    else
        quota_uncharge(quota, 1UL << order);
    return f;
}

static __always_inline struct folio *anon_page(struct vma *vma, vaddr_t addr, unsigned flags)
{
    return anon_new(vma, addr, 0, 0, flags);
}

static __always_inline struct folio *anon_default(struct vma *vma, vaddr_t addr, unsigned flags)
{
    return anon_new(vma, addr, 1, FOLIO_DEFAULT_ORDER, flags);
}

static inline struct folio *anon_of_order(struct vma *vma, vaddr_t addr, unsigned order, unsigned flags)
{
    return anon_new(vma, addr, NO_CLASS, order, flags);
}

static inline struct folio *anon_folio(struct vma *vma, vaddr_t addr, unsigned order, unsigned flags)
{
    struct folio *f = anon_of_order(vma, addr, order, flags);

    while (!f && order > 0)
        f = anon_of_order(vma, addr, --order, flags);
    return f;
}

/*
 * Map all of a folio that is being made. On success it is published, and its only references are the mappings'. False:
 * an entry wasn't empty, and nothing has changed. `prot`: PROT_* to use.
 *
 * The folio's words needn't be read: they can't have changed before the folio was published, and whoever changes them
 * afterwards waits for the table's lock (mm/holes/rmap.c).
 */
static __always_inline bool map_fresh(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *f, unsigned nr,
                                      unsigned prot)
{
    struct mm *mm = vma->mm;
    pte_t e = pfn_pte(f->pfn, area_pgprot(prot));
    spinlock_t *lock = pt_lock(ptep);

    spin_lock(lock);
    bool empty = all_empty(ptep, nr);
    if (likely(empty)) {
        folio_publish(f, nr * FOLIO_MAPPING);
        __atomic_fetch_add(&mm->nr_mapped, nr, __ATOMIC_RELAXED);
        if (nr == 1)
            set_lone_pte(mm, addr, ptep, e);
        else
            set_ptes(mm, addr, ptep, e, nr);
        check_pages_shown(vma, addr, ptep, nr);
        arch_pt_publish();
    }
    spin_unlock(lock);
    return empty;
}
