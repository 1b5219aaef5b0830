/* SPDX-License-Identifier: MIT */
/* Faults where no table of pages is: a block of 2 MiB is there, or can perhaps be made (<quire/block.h>). */
#include "fault.h"
#include <quire/block.h>
#include <quire/errno.h>

/* Map an object's folio as a block, if it is large enough. 0: it is mapped; 1: map pages. */
static int object_block(struct vma *vma, vaddr_t addr)
{
    u64 page = area_page(vma, addr), in_block = (addr >> PAGE_SHIFT) % BLOCK_FRAMES;
    struct memobj *obj = vma->obj;
    unsigned prot = vma->flags & VMA_SHARED ? vma->prot : vma->prot & ~(unsigned)PROT_WRITE;
    int err = 1;

    mutex_lock(&obj->lock); /* keeps the folio in the object, and the block inside of it */
    struct folio *f = page < obj->nr_pages ? memobj_folio_locked(obj, page) : NULL;
    if (f && f->order >= BLOCK_ORDER && page - f->index >= in_block && obj->nr_pages - page >= BLOCK_FRAMES - in_block)
        err = map_block(vma, addr, f, page - f->index - in_block, prot);
    mutex_unlock(&obj->lock);
    if (!err)
        counter_inc(COUNTER_FAULT_OBJECT);
    return err;
}

/* A block of anonymous memory, for any kind of access. 0: it is mapped; 1: map pages, perhaps of smaller folios. */
static int anon_block(struct vma *vma, vaddr_t addr)
{
    struct folio *f = anon_of_order(vma, addr, BLOCK_ORDER, FOLIO_ZERO);

    if (!f)
        return 1;
    folio_publish(f, FOLIO_REFERENCE);
    int err = map_block(vma, addr, f, 0, vma->prot);
    folio_put(f);
    if (!err)
        counter_inc(COUNTER_FAULT_ANON);
    return err;
}

static int above_pages(struct vma *vma, vaddr_t addr, unsigned access)
{
    unsigned level;
    pte_t above, *entry = pt_walk_above(&vma->mm->root, addr, &level, &above);

    if (level == 0) /* a table has come there */
        return 1;
    if (level == 1 && pde_leaf(above, 1))
        return block_fault(vma, addr, access, entry);
    if (vma->flags & (VMA_HOLE | VMA_DEVICE) || !block_in_area(vma, addr))
        return 1;
    if (vma->obj)
        return object_block(vma, addr);
    return vma->flags & VMA_HUGE ? anon_block(vma, addr) : 1;
}

int fault_above_pages(struct vma *vma, vaddr_t addr, unsigned access, pte_t **ptep)
{
    int err = above_pages(vma, addr, access);

    if (err <= 0)
        return err;
    *ptep = pt_ensure(vma->mm, addr, 0);
    if (*ptep)
        return 1;
    return block_at(&vma->mm->root, addr) ? 0 : -ENOMEM; /* 0: another CPU has made a block; the next fault sees it */
}
