/* SPDX-License-Identifier: MIT */
/*
 * Areas that show a hole's frames to a process. All frames are mapped at once, until the hole closes or the process
 * unmaps them. Contracts are in <quire/mm.h>. The head of mm/holes/rmap.c says what happens when such a frame breaks.
 */
#include <quire/mm.h>
#include <quire/batch.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include "areas.h"

/* Maps frames of a hole in one table; entries of broken frames become poison. The folio is locked: its words stay. */
static void map_hole_run(struct vma *vma, vaddr_t addr, pte_t *ptep, pfn_t pfn, u32 nr)
{
    struct insecure_mem *h = vma->hole;
    spinlock_t *lock = pt_lock(ptep);

    spin_lock(lock);
    for (u32 done = 0, n; done < nr; done += n) {
        n = (u32)memdesc_same(pfn + done, nr - done, memdesc_make(MEMDESC_HOLE, h));
        if (n) {
            __atomic_fetch_add(&h->refs, n, __ATOMIC_RELAXED);
            __atomic_fetch_add(&h->map_count, n, __ATOMIC_RELAXED);
            __atomic_fetch_add(&vma->mm->nr_mapped, n, __ATOMIC_RELAXED);
            set_ptes(vma->mm, addr + done * PAGE_SIZE, ptep + done, pfn_pte(pfn + done, area_pgprot(vma->prot)), n);
        } else {
            pte_store(ptep + done, pte_poison());
            n = 1;
        }
    }
    update_mmu_cache_range(vma, addr, ptep, nr);
    spin_unlock(lock);
}

/* The folio's lock is held all the time: so a frame breaks either before all entries are made, or after that. */
static void map_entries_of(struct vma *vma)
{
    struct insecure_mem *h = vma->hole;

    spin_lock(&h->folio->lock);
    list_push_back(&h->areas, &vma->obj_link);
    for_each_run(run, &vma->mm->root, vma->start, vma->end)
        map_hole_run(vma, run.addr, run.ptep, h->first + ((run.addr - vma->start) >> PAGE_SHIFT), run.nr);
    spin_unlock(&h->folio->lock);
}

static int make_tables(struct mm *mm, vaddr_t start, vaddr_t end)
{
    vaddr_t span = pt_span(1);

    for (vaddr_t addr = start; addr < end; addr = ALIGN_DOWN(addr, span) + span)
        if (!pt_ensure(mm, addr, 0))
            return -ENOMEM;
    return 0;
}

int mm_map_hole(struct mm *mm, vaddr_t *addr, struct insecure_mem *hole, unsigned prot)
{
    size_t len = (size_t)hole->nr << PAGE_SHIFT;

    rwsem_write_lock(&mm->areas_lock);
    vaddr_t at = choose_address(mm, *addr, len, 0);
    struct vma *vma = at ? area_new(mm, at, at + len, prot, VMA_HOLE | VMA_SHARED) : NULL;
    int err = vma ? make_tables(mm, at, at + len) : -ENOMEM;
    if (!err) {
        vma->hole = hole;
        area_insert(vma);
        map_entries_of(vma);
    } else if (vma) {
        area_discard(vma);
        unmap_tables(mm, at, at + len);
    }
    rwsem_write_unlock(&mm->areas_lock);
    *addr = at;
    return err;
}

void mm_unmap_hole(struct mm *mm, vaddr_t addr, struct insecure_mem *hole)
{
    vaddr_t end = addr + ((vaddr_t)hole->nr << PAGE_SHIFT);
    struct vma *vma;

    rwsem_write_lock(&mm->areas_lock);
    while ((vma = area_at_or_above(mm, addr)) != NULL && vma->start < end) {
        vaddr_t start = vma->start;
        addr = vma->end;
        if (vma->hole == hole) /* the process may have unmapped or cut it itself */
            unmap_areas(mm, start, addr - start);
    }
    rwsem_write_unlock(&mm->areas_lock);
}
