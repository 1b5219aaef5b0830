/* SPDX-License-Identifier: MIT */
/*
 * Changing what entries allow (mprotect), and clearing "accessed" (ageing): in runs, with one flush for the whole
 * range.
 */
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/cacheflush.h>
#include <quire/mm.h>
#include <quire/upcalls.h>
#include <quire/tlb.h>
#include "areas.h"

/* For pages that become executable. Called before the page-table lock is taken: the folio's lock comes first. */
static void prepare_exec(struct vma *vma, const pte_t *ptep, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load(ptep + i);
        if (pte_present(e) && !pte_exec(e)) {
            flush_icache_pages(vma, pte_pfn(e), 1);
            code_mapped(vma->mm, pte_pfn(e), 1);
        }
    }
}

/*
 * The page of zeros is never executable (mm/faults/fault_zero.c), so its entries become empty: the next access brings
 * in a frame. Lock held.
 */
static void drop_zeros(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load(ptep + i);
        if (pte_present(e) && pte_pfn(e) == zero_pfn)
            clear_ptes(mm, addr + i * PAGE_SIZE, ptep + i, 1);
    }
}

/* The entries of one table. */
static void protect_entries(struct vma *vma, const struct run *run, unsigned prot)
{
    spinlock_t *lock = pt_lock(run->ptep);

    if (prot & PROT_EXEC)
        prepare_exec(vma, run->ptep, run->nr);
    spin_lock(lock);
    if (prot & PROT_EXEC && !vma->obj)
        drop_zeros(vma->mm, run->addr, run->ptep, run->nr);
    /* Write permission is never given here: others may share a private page, so the next fault decides. */
    protect_ptes(vma->mm, run->addr, run->ptep, run->nr, area_pgprot(prot));
    spin_unlock(lock);
}

void protect_range(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    for (struct vma *vma = area_find(mm, start); vma && vma->start < end; vma = area_next(vma)) {
        for_each_run(run, &mm->root, MAX(start, vma->start), MIN(end, vma->end)) {
            if (unlikely(run.kind == RUN_BLOCK) && !block_protect(&g, vma, run.addr, run.ptep, prot))
                run_again(&run); /* page by page */
            preempt_point(); /* also where no table is */
            if (run.kind != RUN_ENTRIES)
                continue;
            protect_entries(vma, &run, prot);
            tlb_gather_range(&g, run.addr, run.nr);
        }
    }
    tlb_gather_end(&g);
}

/* --- ageing ------------------------------------------------------------------------------------ */
static unsigned age_entries(struct mm *mm, const struct run *run)
{
    spinlock_t *lock = pt_lock(run->ptep);

    spin_lock(lock);
    unsigned young = age_ptes(mm, run->addr, run->ptep, run->nr);
    spin_unlock(lock);
    return young;
}

u64 age_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;
    u64 young = 0;

    tlb_gather_begin(&g, mm);
    for (struct vma *vma = area_at_or_above(mm, start); vma && vma->start < end; vma = area_next(vma)) {
        for_each_run(run, &mm->root, MAX(start, vma->start), MIN(end, vma->end)) {
            if (unlikely(run.kind == RUN_BLOCK)) { /* only page entries show which part of a block is used */
                block_split(mm, run.addr, run.ptep);
                run_again(&run);
            }
            preempt_point();
            unsigned found = run.kind == RUN_ENTRIES ? age_entries(mm, &run) : 0;
            if (found)
                tlb_gather_range(&g, run.addr, run.nr);
            young += found;
        }
    }
    tlb_gather_end(&g);
    return young;
}
