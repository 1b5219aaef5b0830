/* SPDX-License-Identifier: MIT */
/*
 * Mapping at once what the object of a new area has already, instead of one fault for each 64 KiB: blocks where they
 * fit, else all pages of one table under one lock. Nothing is allocated in the object, and nothing here fails: what
 * isn't mapped, faults bring in later, and they have the errors. These are pages that the object doesn't have yet,
 * pages with a hole or poison in their folio, and executable pages, because caches need their maintenance first.
 *
 * The object is locked for each step, so its folios stay in it; areas_lock is held for writing, so no fault comes in
 * between.
 */
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/mm.h>
#include <quire/upcalls.h>
#include "areas.h"

/*
 * Maps the pages of nr slots, which lie in one leaf of the object's tree and in one table; ptep is the entry for addr.
 */
static void map_slots(struct vma *vma, vaddr_t addr, pte_t *ptep, u64 page, unsigned nr, pgprot_t prot)
{
    struct folio *const *slot = memobj_slots(vma->obj, page);
    spinlock_t *lock = pt_lock(ptep);
    u64 mapped = 0;

    spin_lock(lock);
    for (unsigned i = 0, n; i < nr; i += n) {
        struct folio *f = slot[i];
        n = 1;
        if (!f)
            continue;
        u64 first = page + i - f->index;
        n = (unsigned)MIN((u64)(nr - i), folio_nr_pages(f) - first);
        if (unlikely(!folio_is_whole(f) || !pte_none(pte_load(ptep + i))))
            continue;
        folio_get_mapped(f, n);
        set_ptes(vma->mm, addr + i * PAGE_SIZE, ptep + i, pfn_pte(f->pfn + first, prot), n);
        mapped += n;
    }
    __atomic_fetch_add(&vma->mm->nr_mapped, mapped, __ATOMIC_RELAXED);
    update_mmu_cache_range(vma, addr, ptep, nr);
    spin_unlock(lock);
}

/* Maps a block at addr, if one fits there. */
static bool map_one_block(struct vma *vma, vaddr_t addr, u64 page, vaddr_t end, unsigned prot)
{
    struct folio *f = *memobj_slots(vma->obj, page);

    return f && f->order >= BLOCK_ORDER && IS_ALIGNED(addr, BLOCK_BYTES) && end - addr >= BLOCK_BYTES &&
           !map_block(vma, addr, f, page - f->index, prot);
}

/* Maps what it can from addr on. Returns where to go on, at most `end`; 0: there is no memory for a table. */
static vaddr_t map_some(struct vma *vma, vaddr_t addr, vaddr_t end, unsigned prot)
{
    u64 page = area_page(vma, addr);

    if (map_one_block(vma, addr, page, end, prot))
        return addr + BLOCK_BYTES;
    pte_t *ptep = pt_ensure(vma->mm, addr, 0);
    if (!ptep)
        return 0;
    u64 nr = MIN((end - addr) >> PAGE_SHIFT, PT_ENTRIES(0) - pt_index(addr, 0));
    nr = MIN(nr, MEMOBJ_SLOTS - page % MEMOBJ_SLOTS);
    map_slots(vma, addr, ptep, page, (unsigned)nr, area_pgprot(prot));
    return addr + nr * PAGE_SIZE;
}

/* Maps the first pages from addr on that the object has. Returns where to go on; 0: nowhere. The object is locked. */
static vaddr_t map_next(struct vma *vma, vaddr_t addr, vaddr_t end, unsigned prot)
{
    u64 first = area_page(vma, addr), last = MIN(area_page(vma, end), vma->obj->nr_pages);
    void *folio;
    u64 page = first < last ? radix_next(&vma->obj->folios, first, &folio) : last;

    if (page >= last)
        return 0;
    return map_some(vma, addr + ((page - first) << PAGE_SHIFT), addr + ((last - first) << PAGE_SHIFT), prot);
}

void map_what_is_there(struct vma *vma, vaddr_t start, vaddr_t end)
{
    struct memobj *obj = vma->obj;
    unsigned prot = vma->flags & VMA_SHARED ? vma->prot : vma->prot & ~(unsigned)PROT_WRITE;

    if (!prot || prot & PROT_EXEC)
        return;
    /* The lock goes in between: nobody more urgent waits for a thread that isn't urgent enough to run. */
    do {
        mutex_lock(&obj->lock);
        start = map_next(vma, start, end, prot);
        mutex_unlock(&obj->lock);
    } while (start && !preempt_point());
}
