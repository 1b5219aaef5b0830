/* SPDX-License-Identifier: MIT */
/*
 * Faults on device registers: the entry gets the attributes of devices, and all that the area allows. The registers are
 * no frames of RAM: no folio, no reference, no word. What this entry shows can't change as long as the area exists.
 */
#include "fault.h"
#include <quire/errno.h>

int fault_device(struct vma *vma, vaddr_t addr, pte_t *ptep)
{
    u64 page = area_page(vma, addr);
    spinlock_t *lock = pt_lock(ptep);

    if (page >= vma->obj->nr_pages)
        return -ENXIO;
    addr = ALIGN_DOWN(addr, PAGE_SIZE);
    spin_lock(lock);
    if (pte_none(pte_load(ptep))) {
        set_pte_at(vma->mm, addr, ptep, pfn_pte(vma->obj->first_pfn + page, area_pgprot(vma->prot) | PGPROT_DEVICE));
        __atomic_fetch_add(&vma->mm->nr_mapped, 1, __ATOMIC_RELAXED);
        arch_pt_publish();
    }
    spin_unlock(lock);
    return 0;
}
