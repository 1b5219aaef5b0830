/* SPDX-License-Identifier: MIT */
/*
 * Faults on memory objects: map what the object has around the page, up to 64 KiB and any number of folios, with one
 * look into the radix tree. The object's lock is held all the time: it keeps the folios in the object, so this code
 * needs no references.
 *
 * Nothing is mapped behind the object's last page, even if the area is longer: an access there is a bus error. A page
 * that a pager has to supply is none of this room's business: mm_fault() says so, and mm_miss() says which page it is.
 */
#include "fault.h"
#include <quire/errno.h>

/*
 * Map pages [page, page + nr) of the object at addr; ptep is the entry for addr. No page is behind the object's end,
 * and all are in one leaf of its tree. Entries that aren't empty stay.
 */
static void map_around(struct vma *vma, vaddr_t addr, pte_t *ptep, u64 page, unsigned nr, unsigned prot)
{
    struct folio *const *slot = memobj_slots(vma->obj, page);

    for (unsigned i = 0, n; i < nr; i += n) {
        struct folio *f = slot[i];
        n = 1;
        if (!f || !pte_none(pte_load(ptep + i)))
            continue;
        u64 first = page + i - f->index;
        unsigned left = (unsigned)MIN((u64)(nr - i), folio_nr_pages(f) - first);
        n = map_entries(vma, addr + i * PAGE_SIZE, ptep + i, f, first, left, prot);
        n = MAX(n, 1u);
    }
}

struct memobj *mm_miss(struct mm *mm, vaddr_t addr, u64 *page)
{
    struct memobj *missed = NULL;

    rwsem_read_lock(&mm->areas_lock);
    struct vma *vma = area_find(mm, addr);
    struct memobj *obj = vma ? vma->obj : NULL;
    if (obj && obj->pager) {
        *page = area_page(vma, addr);
        mutex_lock(&obj->lock);
        if (*page < obj->nr_pages && !memobj_folio_locked(obj, *page)) {
            memobj_get(obj);
            missed = obj;
        }
        mutex_unlock(&obj->lock);
    }
    rwsem_read_unlock(&mm->areas_lock);
    return missed;
}

__noinline int fault_object(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    struct memobj *obj = vma->obj;
    u64 page = area_page(vma, addr);

    mutex_lock(&obj->lock);
    bool inside = page < obj->nr_pages;
    struct folio *f = inside ? memobj_folio_locked(obj, page) : NULL;
    if (!f) {
        mutex_unlock(&obj->lock);
        return !inside ? -ENXIO : obj->pager ? -EAGAIN : -ENOMEM;
    }
    /* The object's aligned block of 16 pages, as far as it lies in the area, the object and the page table. */
    u64 before = page % DEFAULT_PAGES;
    before = MIN(before, (addr - vma->start) >> PAGE_SHIFT);
    before = MIN(before, pt_index(addr, 0));
    u64 behind = DEFAULT_PAGES - page % DEFAULT_PAGES;
    behind = MIN(behind, obj->nr_pages - page);
    behind = MIN(behind, (vma->end - addr + PAGE_SIZE - 1) >> PAGE_SHIFT);
    behind = MIN(behind, PT_ENTRIES(0) - pt_index(addr, 0));
    /* A private page is mapped read-only first: a write faults again and makes a copy. */
    unsigned prot = vma->flags & VMA_SHARED ? vma->prot : vma->prot & ~(unsigned)PROT_WRITE;
    map_around(vma, ALIGN_DOWN(addr, PAGE_SIZE) - before * PAGE_SIZE, ptep - before, page - before,
               (unsigned)(before + behind), prot);
    int err = pte_present(pte_load(ptep)) ? 0 : frame_error(f->pfn + (page - f->index));
    mutex_unlock(&obj->lock);
    counter_inc(COUNTER_FAULT_OBJECT);
    return err;
}
