/* SPDX-License-Identifier: MIT */
/*
 * Copying an address space (fork): areas are shared by reference, private entries lose their write permission
 * on both sides, in batches. Locks: the parent's areas_lock for writing; the child is nobody's yet.
 */
#include <quire/errno.h>
#include <quire/mm.h>
#include <quire/quota.h>
#include <quire/tlb.h>
#include <quire/mm_upcalls.h>


static struct vma *copy_area(struct mm *child, struct vma *from)
{
    if (!from->obj && !(from->flags & VMA_SHARED) && area_ensure_anon(from))
        return NULL;
    struct vma *vma = area_new(child, from->start, from->end, from->prot, from->flags);
    if (!vma)
        return NULL;
    vma->offset = from->offset;
    vma->obj = from->obj;
    vma->anon = from->anon;
    if (vma->obj)
        memobj_get(vma->obj);
    if (vma->anon)
        memobj_get(vma->anon);
    area_insert(vma);
    return vma;
}

/*
 * Both sides of one batch; parent's table locked. The entries are live while they are read and written again:
 * what the hardware may set in between is "accessed", whose loss costs nothing but a guess. "Dirty" it never
 * sets, because writable entries are dirty from the start (area_pgprot).
 */
static void copy_batch(struct tlb_gather *g, struct vma *to, vaddr_t addr, pte_t *from, pte_t *into, unsigned n)
{
    struct mm *child = to->mm;
    pte_t e = pte_load(from);
    struct folio *f = mapped_folio(pte_pfn(e));
    bool private = !(to->flags & VMA_SHARED);

    if (private && pte_write(e)) {
        for (unsigned i = 0; i < n; i++) {
            pte_t old = pte_load(from + i);
#if ARCH_FLUSH_ON_CLEAR
            arch_pte_invalidate(from + i, addr + i * PAGE_SIZE);
#endif
            pte_store(from + i, pte_wrprotect(old));
        }
        tlb_gather_range(g, addr, n);
        e = pte_wrprotect(e);
    }
    if (f) {
        folio_get_many(f, n);
        folio_add_mappings(f, n);
        __atomic_fetch_add(&child->nr_mapped, n, __ATOMIC_RELAXED);
    }
    spinlock_t *lock = pt_lock(into);
    spin_lock(lock);
    set_ptes(child, addr, into, e, n);
    spin_unlock(lock);
}

static int copy_entries(struct tlb_gather *g, struct mm *parent, struct vma *from, struct vma *to)
{
    for (vaddr_t addr = from->start, next; addr < from->end; addr = next) {
        unsigned level;
        pte_t *ptep = pt_walk(&parent->root, addr, &level);
        vaddr_t span = pt_span(level ? level : 1);
        next = MIN(from->end, ALIGN_DOWN(addr, span) + span);
        if (level)
            continue;
        pte_t *into = pt_ensure(to->mm, addr, 0);
        if (!into)
            return -ENOMEM;
        unsigned nr = (unsigned)((next - addr) >> PAGE_SHIFT), i = 0;
        spinlock_t *lock = pt_lock(ptep);
        spin_lock(lock);
        while (i < nr) {
            pte_t e = pte_load(ptep + i);
            unsigned n = 1;
            if (pte_present(e)) {
                struct folio *f = mapped_folio(pte_pfn(e));
                n = folio_pte_batch(ptep + i, e, nr - i, f ? f->pfn + folio_nr_pages(f) : pte_pfn(e) + 1);
                copy_batch(g, to, addr + i * PAGE_SIZE, ptep + i, into + i, n);
            } else if (unlikely(pte_poisoned(e))) {
                pte_store(into + i, e); /* what is lost is lost for the child as well */
            }
            i += n;
        }
        spin_unlock(lock);
        preempt_point();
    }
    return 0;
}

struct mm *mm_clone(struct mm *mm)
{
    struct mm *child = mm_create();
    struct tlb_gather g;
    int err = 0;

    if (!child)
        return NULL;
    if (mm->quota)
        mm_set_quota(child, mm->quota);
    tlb_gather_begin(&g, mm);
    rwsem_write_lock(&mm->areas_lock);
    child->need_gen = mm->need_gen;
    struct tree_node *first = tree_first(&mm->areas);
    for (struct vma *vma = first ? container_of(first, struct vma, node) : NULL; vma && !err; vma = area_next(vma)) {
        if (vma->flags & VMA_HOLE)
            continue; /* a guest shared it with this process, not with its children */
        struct vma *copy = copy_area(child, vma);
        err = copy ? copy_entries(&g, mm, vma, copy) : -ENOMEM;
    }
    tlb_gather_end(&g);
    rwsem_write_unlock(&mm->areas_lock);
    if (err) {
        mm_put(child);
        return NULL;
    }
    return child;
}
