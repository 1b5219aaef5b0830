/* SPDX-License-Identifier: MIT */
/*
 * Private pages whose frames are in a hole. Only the page-table entry knows which frame a private page has. So the
 * punch leaves a mark in the entry, with the frame's number (pte_hole_mark), which keeps the reference of the mapping.
 * An access while the hole exists is a bus error (-EBUSY); an access afterwards brings the same frame back. fork()
 * copies marks and takes a reference for each copy; unmapping drops marks in clear_odd_entry().
 */
#include "fault.h"
#include <quire/cacheflush.h>
#include <quire/errno.h>

int frame_error(pfn_t pfn)
{
    switch (memdesc_type(memdesc_read(pfn))) {
    case MEMDESC_HWPOISON:
        return -EHWPOISON;
    case MEMDESC_HOLE:
        return -EBUSY;
    default:
        return 0;
    }
}

/* The mark's reference becomes the mapping's. The mapping is read-only: fault_write() decides about writes. */
int fault_hole_mark(struct vma *vma, vaddr_t addr, pte_t *ptep, pte_t mark)
{
    struct mm *mm = vma->mm;
    pfn_t pfn = pte_pfn(mark);

    if (vma->prot & PROT_EXEC)
        flush_icache_pages(vma, pfn, 1);
    addr = ALIGN_DOWN(addr, PAGE_SIZE);
    spinlock_t *lock = pt_lock(ptep);
    spin_lock(lock);
    int err = 0;
    if (pte_same(pte_load(ptep), mark)) {
        struct folio *f = mapped_folio(pfn); /* the mark's reference keeps the folio */
        if (READ_ONCE(memory.words[pfn]) == folio_word(f)) { /* read under this lock, as in map_entries() */
            folio_add_mappings(f, 1);
            __atomic_fetch_add(&mm->nr_mapped, 1, __ATOMIC_RELAXED);
            set_pte_at(mm, addr, ptep, pfn_pte(pfn, area_pgprot(vma->prot & ~(unsigned)PROT_WRITE)));
            update_mmu_cache(vma, addr, ptep);
        } else {
            err = frame_error(pfn);
        }
    }
    spin_unlock(lock);
    return err;
}
