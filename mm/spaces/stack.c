/* SPDX-License-Identifier: MIT */
/*
 * Stacks that grow (MAP_GROWSDOWN): a fault below such an area, with nothing else in between, moves its start down.
 *
 *   next area below | ... STACK_GUARD_GAP at least ... | grown so far | the area as it was mapped |
 *
 * The gap turns an overflow into a fault instead of a write to other memory; choose_address() keeps the gap free, too.
 * If mprotect() has cut a stack into pieces, the limit is for all pieces together.
 */
#include <quire/mm.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include "areas.h"

#define GROW_BYTES (64 * KiB) /* a stack grows in these steps, so that default folios fit */
#define NEAR_MISS (1 * MiB)   /* a fault at most this far below the limit is called a stack overflow */

/* The upper end of the stack whose lowest piece is `vma`. */
static vaddr_t stack_top(struct vma *vma)
{
    vaddr_t top = vma->end;

    while ((vma = area_step(vma)) != NULL && vma->start == top && vma->flags & VMA_STACK)
        top = vma->end;
    return top;
}

vaddr_t stack_lowest(const struct mm *mm, struct vma *vma)
{
    vaddr_t top = stack_top(vma);
    return top > mm->stack_limit ? top - mm->stack_limit : 0;
}

static int grow_locked(struct mm *mm, vaddr_t addr)
{
    struct vma *vma = area_at_or_above(mm, addr);

    if (!vma || (vma->start > addr && !(vma->flags & VMA_STACK)))
        return -EFAULT;
    if (vma->start <= addr)
        return 0; /* another thread was faster */
    vaddr_t lowest = stack_lowest(mm, vma);
    struct tree_node *node = tree_prev(&vma->node);
    vaddr_t room = STACK_GUARD_GAP + (node ? container_of(node, struct vma, node)->end : PAGE_SIZE);
    lowest = MAX(lowest, ALIGN_UP(room, PAGE_SIZE));
    if (addr < lowest)
        return lowest - addr <= NEAR_MISS ? -E2BIG : -EFAULT;
    area_grow_down(vma, MAX(ALIGN_DOWN(addr, GROW_BYTES), lowest));
    counter_inc(COUNTER_STACK_GROWN);
    return 0;
}

int stack_grow(struct mm *mm, vaddr_t addr)
{
    rwsem_write_lock(&mm->areas_lock);
    int err = grow_locked(mm, addr);
    rwsem_write_unlock(&mm->areas_lock);
    return err;
}
