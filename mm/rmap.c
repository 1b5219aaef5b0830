/* SPDX-License-Identifier: MIT */
/*
 * The reverse map: a folio knows its owner and its index there; the owner lists the areas that map it; each
 * area says at which address an index would be. What the page table says there decides.
 */
#include <quire/rmap.h>
#include <quire/block.h>
#include <quire/hole.h>
#include <quire/mm.h>
#include <quire/tlb.h>

/* Where the owner's page `index` would be in this area; false: not in it. */
static bool page_address(const struct vma *vma, const struct memobj *owner, u64 index, vaddr_t *addr)
{
    if (owner->kind == MEMOBJ_ANON) {
        *addr = index << PAGE_SHIFT; /* private pages are indexed by their address: children have the same */
    } else {
        if (index < vma->offset)
            return false;
        *addr = vma->start + ((index - vma->offset) << PAGE_SHIFT);
    }
    return *addr >= vma->start && *addr < vma->end;
}

static void walk_area(struct vma *vma, struct folio *f, size_t first, size_t nr, rmap_fn fn, void *arg)
{
    for (size_t i = first; i < first + nr;) {
        vaddr_t addr;
        unsigned level;
        if (!page_address(vma, f->owner, f->index + i, &addr)) {
            i++;
            continue;
        }
        pte_t *ptep = pt_walk(&vma->mm->root, addr, &level);
        if (level == 1 && pde_leaf(pte_load_raw(ptep), 1)) { /* what is asked for is mostly a part of it */
            block_split(vma->mm, addr, ptep);
            continue;
        }
        if (level) {
            i++;
            continue;
        }
        unsigned max = (unsigned)MIN(first + nr - i, PT_ENTRIES(0) - pt_index(addr, 0));
        max = (unsigned)MIN((u64)max, (vma->end - addr) >> PAGE_SHIFT);
        spinlock_t *lock = pt_lock(ptep);
        spin_lock(lock);
        pte_t e = pte_load(ptep);
        unsigned n = 1;
        if (pte_present(e) && pte_pfn(e) == f->pfn + i) {
            n = folio_pte_batch(ptep, e, max, f->pfn + first + nr);
            fn(vma, addr, ptep, n, arg);
        }
        spin_unlock(lock);
        i += n;
    }
}

/* The owner with a reference: the last area that maps the folio may be going on another CPU. */
static struct memobj *owner_get(struct folio *f)
{
    spin_lock(&f->lock);
    struct memobj *owner = f->owner;
    if (owner && !memobj_try_get(owner))
        owner = NULL;
    spin_unlock(&f->lock);
    return owner;
}

void rmap_walk(struct folio *f, size_t first, size_t nr, rmap_fn fn, void *arg)
{
    struct memobj *owner = owner_get(f);

    if (!owner)
        return;
    mutex_lock(&owner->lock);
    list_for_each(node, &owner->areas) {
        struct vma *vma = owner->kind == MEMOBJ_ANON ? list_entry(node, struct vma, anon_link)
                                                     : list_entry(node, struct vma, obj_link);
        walk_area(vma, f, first, nr, fn, arg);
    }
    mutex_unlock(&owner->lock);
    memobj_put(owner);
}

/* Flushed while the page-table lock is held, so that no reference is dropped too early. */
static void unmap_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct folio *f = arg;

    clear_ptes(vma->mm, addr, ptep, nr);
    tlb_flush_range(vma->mm, addr, nr);
    __atomic_fetch_sub(&vma->mm->nr_mapped, nr, __ATOMIC_RELAXED);
    folio_remove_mappings(f, nr);
    folio_put_many(f, nr);
}

/* The next access finds what is left behind, and is a bus error: private memory has no other trace of its page. */
static void poison_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    unmap_one(vma, addr, ptep, nr, arg);
    for (unsigned i = 0; i < nr; i++)
        pte_store(ptep + i, pte_poison());
}

void rmap_poison_frame(struct folio *f, size_t index) { rmap_walk(f, index, 1, poison_one, f); }

/* A hole's frames: an object is asked again for its pages, private memory keeps a mark in each entry's place. */
static void punch_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct folio *f = arg;
    pfn_t pfn = pte_pfn(pte_load(ptep));

    if (f->owner->kind != MEMOBJ_ANON) {
        unmap_one(vma, addr, ptep, nr, arg);
        return;
    }
    clear_ptes(vma->mm, addr, ptep, nr);
    tlb_flush_range(vma->mm, addr, nr);
    __atomic_fetch_sub(&vma->mm->nr_mapped, nr, __ATOMIC_RELAXED);
    folio_remove_mappings(f, nr); /* the references stay with the marks */
    for (unsigned i = 0; i < nr; i++)
        pte_store(ptep + i, pte_hole_mark(pfn + i));
}

void rmap_unmap_frames(struct folio *f, size_t first, size_t nr) { rmap_walk(f, first, nr, unmap_one, f); }
void rmap_punch_frames(struct folio *f, size_t first, size_t nr) { rmap_walk(f, first, nr, punch_one, f); }

u32 rmap_poison_in_hole(struct insecure_mem *h, pfn_t pfn)
{
    u64 index = pfn - h->first;
    u32 mappings = 0;

    list_for_each(node, &h->areas) {
        struct vma *vma = list_entry(node, struct vma, obj_link);
        vaddr_t addr = vma->start + ((index - vma->offset) << PAGE_SHIFT);
        unsigned level;
        if (index < vma->offset || addr >= vma->end)
            continue; /* the rest of an area that was cut */
        pte_t *ptep = pt_walk(&vma->mm->root, addr, &level);
        if (level)
            continue;
        spinlock_t *lock = pt_lock(ptep);
        spin_lock(lock);
        pte_t e = pte_load(ptep);
        if (pte_present(e) && pte_pfn(e) == pfn) {
            clear_ptes(vma->mm, addr, ptep, 1);
            tlb_flush_range(vma->mm, addr, 1);
            pte_store(ptep, pte_poison());
            __atomic_fetch_sub(&vma->mm->nr_mapped, 1, __ATOMIC_RELAXED);
            mappings++;
        }
        spin_unlock(lock);
    }
    __atomic_fetch_sub(&h->map_count, mappings, __ATOMIC_RELAXED);
    return mappings;
}
