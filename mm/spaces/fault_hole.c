/* SPDX-License-Identifier: MIT */
/*
 * Private pages whose frames are in a hole. Nothing but the page-table entry knows which frame a private page has, so
 * the punch leaves a mark there that carries the frame's number (pte_hole_mark) and keeps the reference that the
 * mapping had. An access while the hole exists is a bus error (-EBUSY); afterwards it brings the same frame back.
 * fork() copies marks with a reference of their own, unmapping drops them (clear_odd()).
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

/* The mark's reference becomes the mapping's. Read-only: whether the page may be written is fault_write()'s to say. */
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
        struct folio *f = mapped_folio(pfn); /* the mark keeps it */
        if (READ_ONCE(memory.words[pfn]) == folio_word(f)) { /* the word under this lock, as in map_entries() */
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

void hole_mark_get(pte_t mark)
{
    if (pte_is_hole_mark(mark))
        folio_get(mapped_folio(pte_pfn(mark)));
}
