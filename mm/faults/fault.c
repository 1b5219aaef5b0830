/* SPDX-License-Identifier: MIT */
/*
 * Page faults: bring in what an area says should be there. All run under mm->areas_lock for reading, so several CPUs
 * may fault in one address space. The page-table lock decides which CPU is first; the others then find the entry
 * present, and return "try again".
 *
 * This file finds out the kind of a fault, and handles fresh anonymous memory. That is the most frequent kind, so all
 * its code is inline. Writes to pages that are mapped read-only are in fault_write.c, objects in fault_object.c, the
 * page of zeros in fault_zero.c, device registers in fault_device.c, blocks of 2 MiB in fault_block.c, marks of frames
 * in a hole in fault_hole.c.
 */
#include "fault.h"
#include <quire/errno.h>
#include <quire/folio_trim.h>

/* --- anonymous memory -------------------------------------------------------------------------- */
/*
 * The first entry of the aligned block of 2^order pages that *ptep is in. Pages and their entries are aligned alike, so
 * the entry's address can be aligned.
 */
static __always_inline pte_t *block_start(pte_t *ptep, unsigned order)
{
    return (pte_t *)ALIGN_DOWN((vaddr_t)ptep, sizeof(pte_t) << order);
}

/* Whether the block of this order around addr lies in the area and is empty so far. */
static __always_inline bool block_is_free(const struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned order)
{
    vaddr_t size = PAGE_SIZE << order, start = ALIGN_DOWN(addr, size);

    return start >= vma->start && start + size <= vma->end &&
           all_empty(block_start(ptep, order), 1u << order);
}

static __noinline unsigned smaller_order(const struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    unsigned order = FOLIO_DEFAULT_ORDER - 1;

    while (order > 0 && !block_is_free(vma, addr, ptep, order))
        order--;
    return order;
}

/* The largest order up to the default that fits. */
static __always_inline unsigned anon_order(const struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    if (vma->flags & VMA_NOHUGE)
        return 0;
    return likely(block_is_free(vma, addr, ptep, FOLIO_DEFAULT_ORDER)) ? FOLIO_DEFAULT_ORDER
                                                                      : smaller_order(vma, addr, ptep);
}

/* For any order. The default order comes here only when there is no free block of it. */
static __noinline int fault_anon_order(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned order)
{
    struct folio *f = anon_folio(vma, addr, order, FOLIO_ZERO);

    if (!f)
        return -ENOMEM;
    order = f->order;
    if (unlikely(!map_fresh(vma, f->index << PAGE_SHIFT, block_start(ptep, order), f, 1u << order, PROT_WRITTEN)))
        folio_free(f); /* another CPU was faster */
    return 0;
}

/*
 * Three ways to fresh memory, all inline where they are used most, with the same three steps: a charged folio that
 * nobody can find, all of its entries at once, or nothing.
 *
 *   one page         NOHUGEPAGE, or nothing larger fits           fault_anon()           frame cache, class 0
 *   64 KiB           what fits nearly always                      fault_anon_default()   frame cache, class 1
 *   any in between   at the ends of areas, beside older pages,    fault_anon_order()     buddy
 *                    or when no block of 64 KiB is free
 */
static __noinline int fault_anon_default(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    struct folio *f = anon_default(vma, addr, FOLIO_ZERO);

    if (unlikely(!f))
        return fault_anon_order(vma, addr, ptep, FOLIO_DEFAULT_ORDER - 1);
    vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE * DEFAULT_PAGES);
    if (unlikely(!map_fresh(vma, start, block_start(ptep, FOLIO_DEFAULT_ORDER), f, DEFAULT_PAGES, PROT_WRITTEN)))
        folio_free(f);
    return 0;
}

/* Fresh memory for a write. */
static __always_inline int fault_anon(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    unsigned order = anon_order(vma, addr, ptep);

    counter_inc(COUNTER_FAULT_ANON);
    if (order == FOLIO_DEFAULT_ORDER)
        return fault_anon_default(vma, addr, ptep);
    if (unlikely(order))
        return fault_anon_order(vma, addr, ptep, order);
    struct folio *f = anon_page(vma, addr, FOLIO_ZERO);
    if (unlikely(!f))
        return -ENOMEM;
    if (unlikely(!map_fresh(vma, ALIGN_DOWN(addr, PAGE_SIZE), ptep, f, 1, PROT_WRITTEN)))
        folio_free(f);
    return 0;
}

static __always_inline int fault_in_area(struct vma *vma, vaddr_t addr, unsigned access)
{
    if (unlikely(!(vma->prot & access)))
        return -EACCES;
    unsigned level;
    pte_t above, *ptep = pt_walk_inline(&vma->mm->root, addr, &level, &above);
    if (unlikely(level)) {
        int err = fault_above_pages(vma, addr, access, &ptep);
        if (err <= 0)
            return err;
    }
    pte_t e = pte_load(ptep);
    if (!pte_same(e, pte_empty(0)))
        return access == ACCESS_WRITE && pte_present(e) && !pte_write(e) ? fault_write(vma, addr, ptep, e)
                                                                         : fault_present(vma, addr, access, ptep, e);
    if (unlikely(vma->flags & VMA_HOLE))
        return -EFAULT; /* the guest took it back */
    if (unlikely(vma->flags & VMA_DEVICE))
        return fault_device(vma, addr, ptep);
    if (vma->obj)
        return fault_object(vma, addr, ptep);
    return access == ACCESS_WRITE ? fault_anon(vma, addr, ptep) : fault_zero(vma, addr, ptep);
}

/* `vma` only says whether there is one: it may be gone by now. */
static __noinline int fault_failed(struct mm *mm, const struct vma *vma, vaddr_t addr, int err)
{
    if (!vma)
        err = stack_grow(mm, addr);
    if (err == -ENOMEM && folios_trim_for(mm->quota))
        return 0; /* memory was freed: try again */
    if (err && err != -EAGAIN) {
        counter_inc(COUNTER_FAULT_BAD);
        counter_add(COUNTER_FAULT_BUS, err == -EHWPOISON || err == -EBUSY || err == -ENXIO);
    }
    return err;
}

int mm_fault(struct mm *mm, vaddr_t addr, unsigned access)
{
    rwsem_read_lock(&mm->areas_lock);
    struct vma *vma = area_find(mm, addr); /* none above USER_TOP */
    int err = likely(vma) ? fault_in_area(vma, addr, access) : -EFAULT;
    rwsem_read_unlock(&mm->areas_lock);
    return likely(!err) ? 0 : fault_failed(mm, vma, addr, err);
}
