/* SPDX-License-Identifier: MIT */
/*
 * The reverse map. A folio has an owner and an index in it; the owner lists the areas that may map the folio; each area
 * has an address for an index. The page-table entry at that address decides whether the folio is mapped there.
 *
 * Mapping against changing words. A frame's word changes (punch, poison) while other CPUs map the frame; afterwards no
 * entry may map the frame. The protocol has two sides:
 *
 *   whoever maps      makes the tables (pt_ensure), takes the lock of the table, reads the words (or that the folio has
 *                     neither holes nor poison: folio_is_whole()), stores the entries,
 *                     and releases the lock: map_entries(), map_block(), fault_hole_mark(), map_hole_run()
 *   whoever changes   takes the folio's lock, writes the words, reads the owner, and releases the lock. Then it goes
 *                     through every area that the owner lists (rmap_walk). In each it takes the lock of the table where
 *                     the walk ends, even if the entry is empty: folio_punch_hole(), memory_failure()
 *
 * Both sides take the lock of the same table, and the second sees what the first has done: entries that have to be
 * removed, or words that have changed. That is true for every place where a walk may end, because a missing table is
 * put there under the lock of the table above, before the words are read. A mapping count of 0 would be no reason not
 * to look, because the count rises only after the words were read.
 *
 * The change can't miss an area or the owner either. An area joins its owner's list under the owner's lock, which the
 * walk holds; an area that joins later maps later. A folio gets its owner before it is published (folio_publish), or
 * under its lock (memobj_add_folio). fork() copies entries while both tables are locked, and the child's area is behind
 * the parent's in the list: so the walk finds in the child the entries that were copied before it came to the parent. A
 * folio that is being made is in no table before it is published, and its words change only afterwards: so map_fresh()
 * needn't read them.
 *
 * The walk can't see entries that were cleared but not flushed yet, and other CPUs still use them. mm->flushes_pending
 * says that there may be such entries: a TLB gather raises it under the table's lock, and lowers it after its flush.
 *
 * Lock order: memobj, folio, page table. For frames in holes: the areas that show a hole are in the hole's own list,
 * and map it under the folio's lock. So rmap_poison_in_hole(), which runs under that lock, misses none of them.
 */
#include <quire/rmap.h>
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/hole.h>
#include <quire/space.h>
#include <quire/upcalls.h>
#include <quire/tlb.h>

/* If somebody has cleared entries, perhaps of these pages, and not flushed them everywhere yet, flushes these pages. */
static void flush_what_is_pending(struct mm *mm, vaddr_t start, u64 nr)
{
    if (unlikely(__atomic_load_n(&mm->flushes_pending, __ATOMIC_ACQUIRE)))
        tlb_flush_range(mm, start, nr);
}

/*
 * Where pages [index, index + nr) of the owner lie in this area: at [*start, *end). *first is the page at *start.
 * False: none of them lies in the area.
 */
static bool range_in_area(const struct vma *vma, const struct memobj *owner, u64 index, size_t nr, vaddr_t *start,
                          vaddr_t *end, u64 *first)
{
    /* The index of a private page comes from its address, which is the same in child processes. */
    u64 low = owner->kind == MEMOBJ_ANON ? vma->start >> PAGE_SHIFT : vma->offset;
    vaddr_t base = vma->start - (low << PAGE_SHIFT); /* where page 0 would be, modulo 2^64 */

    *first = MAX(index, low);
    *start = base + (*first << PAGE_SHIFT);
    *end = MIN(base + ((index + nr) << PAGE_SHIFT), vma->end);
    return index + nr > low && *start < *end;
}

/* Calls fn for those of the run's entries that map the frame they should, from pfn on. The run's table is locked. */
static void walk_entries(struct vma *vma, const struct run *run, pfn_t pfn, rmap_fn fn, void *arg)
{
    for (unsigned done = 0, n; done < run->nr; done += n) {
        pte_t *ptep = run->ptep + done, e = pte_load(ptep);
        n = 1;
        if (pte_present(e) && pte_pfn(e) == pfn + done) {
            n = folio_pte_batch(ptep, e, run->nr - done, pfn + run->nr);
            fn(vma, run->addr + done * PAGE_SIZE, ptep, n, arg);
        }
    }
}

static void walk_area(struct vma *vma, struct folio *f, const struct memobj *owner, size_t first, size_t nr, rmap_fn fn,
                      void *arg)
{
    struct mm *mm = vma->mm;
    vaddr_t start, end;
    u64 page;

    if (!range_in_area(vma, owner, f->index + first, nr, &start, &end, &page))
        return;
    pfn_t pfn = f->pfn + (page - f->index);
    for_each_run(run, &mm->root, start, end) {
        if (run.kind == RUN_BLOCK) { /* split it: mostly the walk is for a part of it */
            block_split(mm, run.addr, run.ptep);
            run_again(&run);
            continue;
        }
        spinlock_t *lock = pt_lock(run.ptep);
        spin_lock(lock); /* also where the entry is empty: see the head of this file */
        if (run.kind == RUN_ENTRIES)
            walk_entries(vma, &run, pfn + ((run.addr - start) >> PAGE_SHIFT), fn, arg);
        else if (pde_present(pte_load_raw(run.ptep), run.level))
            run_again(&run);
        spin_unlock(lock);
        if (run.next < end)
            preempt_point();
    }
    flush_what_is_pending(mm, start, (end - start) >> PAGE_SHIFT);
}

/* The owner is locked. */
static void walk_areas(struct memobj *owner, struct folio *f, size_t first, size_t nr, rmap_fn fn, void *arg)
{
    list_for_each(node, &owner->areas) {
        struct vma *vma = owner->kind == MEMOBJ_ANON ? list_entry(node, struct vma, anon_link)
                                                     : list_entry(node, struct vma, obj_link);
        walk_area(vma, f, owner, first, nr, fn, arg);
        preempt_point();
    }
}

void rmap_walk(struct folio *f, size_t first, size_t nr, rmap_fn fn, void *arg)
{
    struct memobj *owner = folio_owner_get(f);

    if (!owner)
        return;
    mutex_lock(&owner->lock);
    walk_areas(owner, f, first, nr, fn, arg);
    mutex_unlock(&owner->lock);
    memobj_put(owner);
}

/*
 * Hides these entries and flushes, so that no CPU uses them any more. Their references stay with the caller.
 */
static void take_mappings(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    hide_ptes(mm, addr, ptep, nr);
    tlb_flush_range(mm, addr, nr); /* under the table's lock, so that no reference is dropped too early */
    __atomic_fetch_sub(&mm->nr_mapped, nr, __ATOMIC_RELAXED);
}

/* These entries stay empty, so they needn't be hidden in between. */
static void unmap_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct folio *f = arg;

    clear_ptes(vma->mm, addr, ptep, nr);
    tlb_flush_range(vma->mm, addr, nr);
    __atomic_fetch_sub(&vma->mm->nr_mapped, nr, __ATOMIC_RELAXED);
    folio_put_mapped(f, nr); /* never the last reference: the caller has one */
}

/* Entries become poison, so that the next access is a bus error. For private memory, no other place could say so. */
static void poison_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct folio *f = arg;

    take_mappings(vma->mm, addr, ptep, nr);
    for (unsigned i = 0; i < nr; i++)
        pte_store(ptep + i, pte_poison());
    folio_put_mapped(f, nr);
}

void rmap_poison_frame(struct folio *f, size_t index) { rmap_walk(f, index, 1, poison_one, f); }

/* For a hole's frames: an object's entries become empty, and faults ask the object. Private entries become marks. */
static void punch_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct folio *f = arg;

    if (f->owner->kind != MEMOBJ_ANON) {
        unmap_one(vma, addr, ptep, nr, arg);
        return;
    }
    pfn_t pfn = pte_pfn(pte_load(ptep));
    take_mappings(vma->mm, addr, ptep, nr);
    folio_remove_mappings(f, nr); /* the references stay with the marks */
    for (unsigned i = 0; i < nr; i++)
        pte_store(ptep + i, pte_hole_mark(pfn + i));
}

void rmap_unmap_frames(struct folio *f, size_t first, size_t nr) { rmap_walk(f, first, nr, unmap_one, f); }
void rmap_unmap_locked(struct memobj *owner, struct folio *f, size_t first, size_t nr)
{
    walk_areas(owner, f, first, nr, unmap_one, f);
}
void rmap_punch_frames(struct folio *f, size_t first, size_t nr) { rmap_walk(f, first, nr, punch_one, f); }

u32 rmap_poison_in_hole(struct insecure_mem *h, pfn_t pfn)
{
    u64 index = pfn - h->first;
    u32 mappings = 0;

    list_for_each(node, &h->areas) {
        struct vma *vma = list_entry(node, struct vma, obj_link);
        struct mm *mm = vma->mm;
        vaddr_t addr = vma->start + ((index - vma->offset) << PAGE_SHIFT);
        unsigned level;
        if (index < vma->offset || addr >= vma->end)
            continue; /* the area was cut, and this page isn't in it */
        pte_t *ptep = pt_walk(&mm->root, addr, &level);
        if (level)
            continue; /* tables are made before the area joins the list: without a table nothing is mapped here */
        spinlock_t *lock = pt_lock(ptep);
        spin_lock(lock);
        pte_t e = pte_load(ptep);
        if (pte_present(e) && pte_pfn(e) == pfn) {
            take_mappings(mm, addr, ptep, 1);
            pte_store(ptep, pte_poison());
            mappings++;
        }
        spin_unlock(lock);
        flush_what_is_pending(mm, addr, 1);
    }
    __atomic_fetch_sub(&h->map_count, mappings, __ATOMIC_RELAXED);
    return mappings;
}
