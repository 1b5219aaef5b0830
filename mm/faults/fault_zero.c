/* SPDX-License-Identifier: MIT */
/*
 * The page of zeros: a read of private memory that was never written maps this one frame, read-only, and uses no other.
 * Its word is MISC_ZERO, so it belongs to no folio: it has no reference, no mapping count and no reverse map, is never
 * freed, and memory_failure() refuses it. A write replaces it.
 *
 * Executable memory gets its own frames: otherwise the zero page would need cache maintenance for instruction fetch on
 * every machine, only for code that consists of zeros.
 */
#include "fault.h"
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/tlb.h>

/* The aligned block of default size around addr, as far as it lies in the area: *start, and its number of pages. */
static unsigned block_around(const struct vma *vma, vaddr_t addr, vaddr_t *start)
{
    vaddr_t size = DEFAULT_PAGES * PAGE_SIZE, low = ALIGN_DOWN(addr, size);

    *start = MAX(low, vma->start);
    return (unsigned)((MIN(low + size, vma->end) - *start) >> PAGE_SHIFT);
}

/* An anonymous frame instead of the zero page: for executable memory, or if there is no page of zeros. */
static int own_frame(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    struct folio *f = anon_page(vma, addr, FOLIO_ZERO);

    if (!f)
        return -ENOMEM;
    counter_inc(COUNTER_FAULT_ANON);
    folio_publish(f, FOLIO_REFERENCE); /* cache maintenance looks it up */
    map_entries(vma, ALIGN_DOWN(addr, PAGE_SIZE), ptep, f, 0, 1, vma->prot);
    folio_put(f);
    return 0;
}

/* All empty entries of the block at once: a program that reads one unwritten page probably reads the next, too. */
int fault_zero(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    if (vma->prot & PROT_EXEC || zero_pfn == PFN_NONE)
        return own_frame(vma, addr, ptep);
    vaddr_t start;
    unsigned nr = block_around(vma, addr, &start);
    pte_t e = pfn_pte(zero_pfn, area_pgprot(vma->prot & ~(unsigned)PROT_WRITE));
    spinlock_t *lock = pt_lock(ptep);

    ptep -= (addr - start) >> PAGE_SHIFT;
    spin_lock(lock);
    for (unsigned i = 0; i < nr; i++)
        if (pte_none(pte_load(ptep + i)))
            set_pte_at(vma->mm, start + i * PAGE_SIZE, ptep + i, e);
    update_mmu_cache_range(vma, start, ptep, nr);
    spin_unlock(lock);
    counter_inc(COUNTER_FAULT_ZERO);
    return 0;
}

static bool zero_or_none(pte_t e) { return pte_none(e) || (pte_present(e) && pte_pfn(e) == zero_pfn); }

/* Whether each of nr entries maps the page of zeros or nothing, and the one at `at` maps the page of zeros. */
static bool nothing_but_zeros(const pte_t *ptep, unsigned nr, const pte_t *at)
{
    for (unsigned i = 0; i < nr; i++)
        if (!zero_or_none(pte_load(ptep + i)))
            return false;
    return pte_present(pte_load(at));
}

int fault_zero_write(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    vaddr_t start;
    unsigned nr = block_around(vma, addr, &start), order = 0;

    if (nr == DEFAULT_PAGES && !(vma->flags & VMA_NOHUGE) &&
        nothing_but_zeros(ptep - ((addr - start) >> PAGE_SHIFT), nr, ptep))
        order = FOLIO_DEFAULT_ORDER;
    struct folio *f = anon_folio(vma, addr, order, FOLIO_ZERO);
    if (!f)
        return -ENOMEM;
    struct mm *mm = vma->mm;
    pte_t *at = ptep, e = pfn_pte(f->pfn, area_pgprot(vma->prot));
    start = f->index << PAGE_SHIFT;
    nr = 1u << f->order;
    ptep -= (addr - start) >> PAGE_SHIFT;
    spinlock_t *lock = pt_lock(ptep);
    spin_lock(lock);
    bool ours = nothing_but_zeros(ptep, nr, at);
    if (ours) {
        hide_ptes(mm, start, ptep, nr);
        tlb_flush_range(mm, start, nr); /* see change_frame() in fault_write.c */
        folio_publish(f, nr * FOLIO_MAPPING);
        __atomic_fetch_add(&mm->nr_mapped, nr, __ATOMIC_RELAXED);
        set_ptes(mm, start, ptep, e, nr);
        update_mmu_cache_range(vma, start, ptep, nr);
    }
    spin_unlock(lock);
    if (ours)
        counter_inc(COUNTER_FAULT_ANON);
    else
        folio_free(f); /* another CPU was faster */
    return 0;
}
