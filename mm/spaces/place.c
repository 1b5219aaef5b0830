/* SPDX-License-Identifier: MIT */
/* Names for places in memory: <quire/mm.h>. */
#include <quire/mm.h>
#include <quire/errno.h>
#include "areas.h"

int mm_place(struct mm *mm, vaddr_t addr, struct mm_place *place)
{
    *place = (struct mm_place){.of = mm, .at = addr};
    rwsem_read_lock(&mm->areas_lock);
    struct vma *vma = area_find(mm, addr);
    if (vma && vma->flags & VMA_SHARED && vma->obj) {
        memobj_get(vma->obj);
        place->of = place->obj = vma->obj;
        place->at = (area_page(vma, addr) << PAGE_SHIFT) + addr % PAGE_SIZE;
    }
    rwsem_read_unlock(&mm->areas_lock);
    return vma ? 0 : -EFAULT;
}
