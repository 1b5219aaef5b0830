/* SPDX-License-Identifier: MIT */
/*
 * Changing what entries allow (mprotect), and whether they say "accessed": in runs, with one flush for all of a
 * range.
 */
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/cacheflush.h>
#include <quire/mm.h>
#include <quire/upcalls.h>
#include <quire/tlb.h>

/* Pages that become executable; before the page-table lock, which is below the folio's. */
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
 * The page of zeros is never executable (mm/spaces/fault_zero.c): the next access brings a frame in its place. Lock
 * held.
 */
static void drop_zeros(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++) {
        pte_t e = pte_load(ptep + i);
        if (pte_present(e) && pte_pfn(e) == zero_pfn)
            clear_ptes(mm, addr + i * PAGE_SIZE, ptep + i, 1);
    }
}

void protect_range(struct mm *mm, vaddr_t start, vaddr_t end, unsigned prot)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    struct vma *vma = area_find(mm, start);
    for (vaddr_t addr = start, next; addr < end; addr = next) {
        if (vma->end <= addr)
            vma = area_next(vma);
        unsigned nr;
        pte_t *block, *ptep = next_run(mm, addr, MIN(end, vma->end), &nr, &next, &block);
        if (unlikely(block) && !block_protect(&g, vma, addr, block, prot))
            next = addr; /* again, page by page */
        preempt_point(); /* also where nothing is, area after area */
        if (!ptep)
            continue;
        spinlock_t *lock = pt_lock(ptep);
        if (prot & PROT_EXEC)
            prepare_exec(vma, ptep, nr);
        spin_lock(lock);
        if (prot & PROT_EXEC && !vma->obj)
            drop_zeros(mm, addr, ptep, nr);
        /* Write permission is never given here: a private page may be shared, the fault decides. */
        protect_ptes(mm, addr, ptep, nr, area_pgprot(prot));
        spin_unlock(lock);
        tlb_gather_range(&g, addr, nr);
    }
    tlb_gather_end(&g);
}

/* --- ageing ------------------------------------------------------------------------------------ */
u64 age_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;
    u64 young = 0;

    tlb_gather_begin(&g, mm);
    for (struct vma *vma = area_at_or_above(mm, start); vma && vma->start < end; vma = area_next(vma)) {
        for (vaddr_t addr = MAX(start, vma->start), next; addr < MIN(end, vma->end); addr = next) {
            unsigned nr;
            pte_t *block, *ptep = next_run(mm, addr, MIN(end, vma->end), &nr, &next, &block);
            if (unlikely(block)) { /* how much of a block is used shows only in pages */
                block_split(mm, addr, block);
                next = addr;
            }
            preempt_point();
            if (!ptep)
                continue;
            spinlock_t *lock = pt_lock(ptep);
            spin_lock(lock);
            unsigned found = age_ptes(mm, addr, ptep, nr);
            spin_unlock(lock);
            if (found)
                tlb_gather_range(&g, addr, nr);
            young += found;
        }
    }
    tlb_gather_end(&g);
    return young;
}
