/* SPDX-License-Identifier: MIT */
/*
 * The reverse map: a folio knows its owner and its index there; the owner lists the areas that map it; each
 * area says at which address an index would be. What the page table says there decides.
 *
 * Mapping against changing words. A frame's word changes (punch, poison) while other CPUs map the frame; afterwards no
 * entry may show it. Two sides, one protocol:
 *
 *   whoever maps      makes the tables (pt_ensure), takes the lock of the table, reads the words, stores the entries,
 *                     lets the lock go: map_entries(), map_block(), fault_hole_mark(), map_hole_run()
 *   whoever changes   takes the folio's lock, writes the words, reads the owner, lets the lock go; then goes through
 *                     every area that the owner lists (rmap_walk), and in each takes the lock of the table where the
 *                     walk ends, even if nothing is there: folio_punch_hole(), memory_failure()
 *
 * Of the two who take the lock of one table, the second sees what the first has done: entries that are to be removed,
 * or words that have changed. That holds for every place where a walk may end: a table that is missing is put there
 * under the lock of the table above, before the words are read. No count says "mapped nowhere, so needn't look": it
 * rises only after the words were read.
 *
 * Nor can the change miss an area or the owner. An area joins its owner's list under the owner's lock, which the walk
 * holds; one that joins later maps later. A folio gets its owner before it is published (folio_publish), or under its
 * lock (memobj_add_folio). fork() copies entries while both tables are locked, the child's area behind the parent's
 * in the list: what is copied before the walk comes to the parent is found in the child. A folio that is being made
 * is in no table before it is published, and its words change only afterwards, so map_fresh() needn't read them.
 *
 * Entries that are cleared but not flushed show nothing here, and other CPUs still use them: mm->flushes_pending says
 * that there may be some (a TLB gather raises it under the table's lock and lowers it after its flush).
 *
 * Lock order: memobj, folio, page table. Frames in holes: the areas that show a hole are in the hole's own list, and
 * map it under the folio's lock, so rmap_poison_in_hole() under that lock misses nothing.
 */
#include <quire/rmap.h>
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/hole.h>
#include <quire/space.h>
#include <quire/upcalls.h>
#include <quire/tlb.h>

/* Somebody has cleared entries, perhaps of these pages, and not flushed them everywhere yet: so it is done here. */
static void flush_what_is_pending(struct mm *mm, vaddr_t start, u64 nr)
{
    if (unlikely(__atomic_load_n(&mm->flushes_pending, __ATOMIC_ACQUIRE)))
        tlb_flush_range(mm, start, nr);
}

/*
 * Where pages [index, index + nr) of the owner lie in this area: [*start, *end), *start showing page *first. False:
 * nowhere.
 */
static bool range_in_area(const struct vma *vma, const struct memobj *owner, u64 index, size_t nr, vaddr_t *start,
                          vaddr_t *end, u64 *first)
{
    /* Private pages are indexed by their address: children have the same. */
    u64 low = owner->kind == MEMOBJ_ANON ? vma->start >> PAGE_SHIFT : vma->offset;
    vaddr_t base = vma->start - (low << PAGE_SHIFT); /* where page 0 would be, modulo 2^64 */

    *first = MAX(index, low);
    *start = base + (*first << PAGE_SHIFT);
    *end = MIN(base + ((index + nr) << PAGE_SHIFT), vma->end);
    return index + nr > low && *start < *end;
}

/* Those of the run's entries, its table locked, that show frames from pfn on, where each should be. */
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
        if (run.kind == RUN_BLOCK) { /* what is asked for is mostly a part of it */
            block_split(mm, run.addr, run.ptep);
            run_again(&run);
            continue;
        }
        spinlock_t *lock = pt_lock(run.ptep);
        spin_lock(lock); /* also where nothing is: see the head of this file */
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

void rmap_walk(struct folio *f, size_t first, size_t nr, rmap_fn fn, void *arg)
{
    struct memobj *owner = folio_owner_get(f);

    if (!owner)
        return;
    mutex_lock(&owner->lock);
    list_for_each(node, &owner->areas) {
        struct vma *vma = owner->kind == MEMOBJ_ANON ? list_entry(node, struct vma, anon_link)
                                                     : list_entry(node, struct vma, obj_link);
        walk_area(vma, f, owner, first, nr, fn, arg);
        preempt_point();
    }
    mutex_unlock(&owner->lock);
    memobj_put(owner);
}

/*
 * These entries show nothing any more, on no CPU; they are hidden, and the references that they hold stay with the
 * caller.
 */
static void take_mappings(struct mm *mm, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    hide_ptes(mm, addr, ptep, nr);
    tlb_flush_range(mm, addr, nr); /* under the table's lock, so that no reference is dropped too early */
    __atomic_fetch_sub(&mm->nr_mapped, nr, __ATOMIC_RELAXED);
}

/* Nothing is mapped there from now on: no need to hide what is in between. */
static void unmap_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct folio *f = arg;

    clear_ptes(vma->mm, addr, ptep, nr);
    tlb_flush_range(vma->mm, addr, nr);
    __atomic_fetch_sub(&vma->mm->nr_mapped, nr, __ATOMIC_RELAXED);
    folio_put_mapped(f, nr); /* the caller's own reference is left */
}

/* The next access finds what is left behind, and is a bus error: private memory has no other trace of its page. */
static void poison_one(struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr, void *arg)
{
    struct folio *f = arg;

    take_mappings(vma->mm, addr, ptep, nr);
    for (unsigned i = 0; i < nr; i++)
        pte_store(ptep + i, pte_poison());
    folio_put_mapped(f, nr);
}

void rmap_poison_frame(struct folio *f, size_t index) { rmap_walk(f, index, 1, poison_one, f); }

/* A hole's frames: an object is asked again for its pages, private memory keeps a mark in each entry's place. */
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
            continue; /* the rest of an area that was cut */
        pte_t *ptep = pt_walk(&mm->root, addr, &level);
        if (level)
            continue; /* its tables were made before it came into the list */
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
