/* SPDX-License-Identifier: MIT */
/*
 * Installing entries of published folios in user page tables, page by page. A batch stays in one level-0 table and one
 * folio. Other entries are installed elsewhere: blocks in mm/holes/block.c; holes in map_hole.c; folios that are being
 * made, copies and zeros in the fault files (see map_fresh()); those of a fork in clone.c.
 */
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/cacheflush.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/mm.h>

static unsigned empty_run(const pte_t *ptep, unsigned nr)
{
    unsigned n = 0;
    while (n < nr && pte_same(pte_load(ptep + n), pte_empty(0)))
        n++;
    return n;
}

unsigned map_entries(struct vma *vma, vaddr_t addr, pte_t *ptep, struct folio *f, size_t first, unsigned nr,
                     unsigned prot)
{
    struct mm *mm = vma->mm;
    pfn_t pfn = f->pfn + first;

    if (prot & PROT_EXEC)
        flush_icache_pages(vma, pfn, nr);
    spinlock_t *lock = pt_lock(ptep);
    spin_lock(lock);
    unsigned n;
    if (nr == 1)
        n = pte_none(pte_load(ptep)) && READ_ONCE(memory.words[pfn]) == folio_word(f);
    else /* read the words again under the lock: a punch may have changed them */
        n = (unsigned)memdesc_same(pfn, empty_run(ptep, nr), folio_word(f));
    if (n) {
        folio_get_mapped(f, n);
        __atomic_fetch_add(&mm->nr_mapped, n, __ATOMIC_RELAXED);
        set_ptes(mm, addr, ptep, pfn_pte(pfn, area_pgprot(prot)), n);
        update_mmu_cache_range(vma, addr, ptep, n);
        if (unlikely(n < PT_CONT && folio_nr_pages(f) >= PT_CONT))
            pt_fold(mm, addr, ptep); /* after a hole was mended, these entries may complete a group */
    }
    spin_unlock(lock);
    return n;
}

int map_pages(struct mm *mm, struct vma *vma, vaddr_t addr, struct folio *f, size_t first, size_t nr, unsigned prot)
{
    size_t limit = MIN(nr, (vma->end - addr) >> PAGE_SHIFT);
    limit = MIN(limit, PT_ENTRIES(0) - pt_index(addr, 0));
    limit = MIN(limit, folio_nr_pages(f) - first);

    pte_t *ptep = pt_ensure(mm, addr, 0);
    if (!ptep)
        return block_at(&mm->root, addr) ? 0 : -ENOMEM;
    return (int)map_entries(vma, addr, ptep, f, first, (unsigned)limit, prot);
}
