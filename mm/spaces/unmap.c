/* SPDX-License-Identifier: MIT */
/*
 * Removing mappings: entries of ranges in runs that never leave one table, into a TLB gather; then the tables that
 * nobody needs any more. Frames and tables go back when the gather ends, after its flush.
 */
#include <quire/batch.h>
#include <quire/block.h>
#include <quire/counters.h>
#include <quire/folio_trim.h>
#include <quire/hole.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/upcalls.h>
#include <quire/tlb.h>

/*
 * One entry that isn't as most are: poison, nothing, of no folio (nobody counts such a mapping), of a folio with a
 * hole.
 */
static __noinline unsigned clear_odd(struct tlb_gather *g, vaddr_t addr, pte_t *ptep)
{
    pte_t e = pte_load(ptep);

    if (!pte_present(e)) {
        if (unlikely(pte_poisoned(e))) {
            pte_store(ptep, pte_empty(0));
            if (pte_is_hole_mark(e))
                tlb_gather_reference(g, mapped_folio(pte_pfn(e)));
        }
        return 0;
    }
    struct folio *f = mapped_folio(pte_pfn(e));
    clear_ptes(g->mm, addr, ptep, 1);
    tlb_gather_range(g, addr, 1);
    if (f) {
        folio_note_partial(f, 1);
        tlb_gather_folio(g, f, 1);
    }
    return f != NULL;
}

/*
 * Clear up to nr entries of one table into the gather; returns how many entries it went over. What there is much of is
 * handled right here, as in fork.
 */
static __noinline unsigned clear_run(struct tlb_gather *g, vaddr_t start, pte_t *ptep, unsigned nr)
{
    const memdesc_t *words = memory.words;
    struct folio_mappings *out = g->folios + g->nr_folios, *const full = g->folios + TLB_GATHER_FOLIOS;
    unsigned skipped = 0; /* entries that map nothing that is counted */
    pte_t *p = ptep, *end = ptep + nr;
    struct folio *f;

#define ADDR(p) (start + (vaddr_t)((p) - ptep) * PAGE_SIZE)
    while (p < end && out < full) {
        pte_t e = pte_load(p);
        if (pte_same(e, pte_empty(0))) {
            p++;
            skipped++;
        } else if (unlikely(!pte_present(e) || !entry_folio(words, e, &f))) {
            g->nr_folios = (unsigned)(out - g->folios);
            skipped += 1 - clear_odd(g, ADDR(p), p);
            out = g->folios + g->nr_folios;
            p++;
        } else if (f->order || pte_cont(pte_load_raw(p))) {
            pte_t *stop = p + (f->pfn + folio_nr_pages(f) - pte_pfn(e)), *next;
            next = clear_alike(g->mm, start, p, MIN(stop, end), e);
            mm_event(MM_EVENT_ENTRY_CLEAR, ADDR(p), pte_pfn(e), (u64)(next - p));
            *out = (struct folio_mappings){f, -((u64)(next - p) * FOLIO_MAPPING)};
            folio_note_partial(f, (size_t)(next - p));
            out += next > p; /* else a group had to be undone: again */
            p = next;
        } else {
            pte_t *last = end - p > full - out ? p + (full - out) : end;
            do {
                mm_event(MM_EVENT_ENTRY_CLEAR, ADDR(p), pte_pfn(e), 1);
                pte_break(ptep, ADDR(p));
                pte_store(p, pte_empty(0));
                *out++ = (struct folio_mappings){f, -FOLIO_MAPPING};
            } while (++p < last && single_frame(words, e = pte_load_raw(p), &f));
        }
    }
#undef ADDR
    nr = (unsigned)(p - ptep);
    if (nr > skipped)
        tlb_gather_range(g, start, nr);
    counter_inc(COUNTER_CLEAR_CALLS);
    counter_add(COUNTER_CLEAR_ENTRIES, nr - skipped);
    g->nr_folios = (unsigned)(out - g->folios);
    __atomic_fetch_sub(&g->mm->nr_mapped, nr - skipped, __ATOMIC_RELAXED);
    return nr;
}

/* The same for an area that shows a hole. */
static unsigned clear_hole_run(struct tlb_gather *g, struct insecure_mem *hole, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    pte_t e = pte_load(ptep);

    if (!pte_present(e)) {
        if (unlikely(pte_poisoned(e)))
            pte_store(ptep, pte_empty(0));
        return 1;
    }
    unsigned n = folio_pte_batch(ptep, e, nr, hole->first + hole->nr);
    clear_ptes(g->mm, addr, ptep, n);
    tlb_gather_range(g, addr, n);
    tlb_gather_hole(g, hole, n);
    __atomic_fetch_sub(&g->mm->nr_mapped, n, __ATOMIC_RELAXED);
    return n;
}

/* Whether no area needs [start, end) any more. */
static bool span_unused(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct vma *vma = area_at_or_above(mm, start);
    return !vma || vma->start >= end;
}

/* Give back tables of `level` that only [from, to) used. Their entries are all empty. */
static void gather_tables(struct tlb_gather *g, pte_t *table, unsigned level, vaddr_t base, vaddr_t from, vaddr_t to)
{
    struct mm *mm = g->mm;
    u64 nr = level == PT_LEVELS - 1 ? PT_TOP_USER_ENTRIES : PT_ENTRIES(level);
    u64 i = from > base ? (from - base) >> PT_SHIFT(level) : 0;

    for (; i < nr && base + i * pt_span(level) < to; i++) {
        pte_t *entry = table + i, e = pte_load(entry);
        vaddr_t start = base + i * pt_span(level), end = start + pt_span(level);
        if (!pde_present(e, level) || pde_leaf(e, level))
            continue;
        pte_t *below = pt_table_of(e, level);
        if (level > 1)
            gather_tables(g, below, level - 1, start, from, to);
        if (!span_unused(mm, start, end))
            continue;
        if (tlb_gather_full(g))
            tlb_gather_end(g);
        spinlock_t *lock = pt_lock(entry);
        spin_lock(lock);
        mm_event(MM_EVENT_ENTRY_CLEAR, start, address_pfn(below), 1);
        pte_store(entry, pte_empty(level));
        spin_unlock(lock);
        tlb_gather_range(g, start, 1);
        tlb_gather_table(g, below);
    }
}

/* The entries of one area's part [start, end) into the gather, which is ended whenever it is full. */
static void clear_area(struct tlb_gather *g, struct vma *vma, vaddr_t start, vaddr_t end)
{
    for (vaddr_t addr = start, next; addr < end; addr = next) {
        unsigned nr;
        pte_t *block, *ptep = next_run(vma->mm, addr, end, &nr, &next, &block);
        if (unlikely(block)) {
            if (next - addr < BLOCK_BYTES || !block_clear(g, addr, block)) {
                block_split(vma->mm, addr, block);
                next = addr; /* again, page by page */
            }
            if (tlb_gather_full(g))
                tlb_gather_end(g);
        }
        preempt_point(); /* also where nothing is, table after table; a kill has to wait: what ends unmaps anyway */
        if (!ptep)
            continue;
        spinlock_t *lock = pt_lock(ptep);
        for (unsigned done = 0; done < nr;) {
            vaddr_t at = addr + done * PAGE_SIZE;
            spin_lock(lock);
            done += vma->flags & VMA_HOLE ? clear_hole_run(g, vma->hole, at, ptep + done, nr - done)
                                          : clear_run(g, at, ptep + done, nr - done);
            spin_unlock(lock);
            if (tlb_gather_full(g)) {
                tlb_gather_end(g);
                preempt_point();
            }
        }
    }
}

void unmap_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    for (struct vma *vma = area_at_or_above(mm, start); vma && vma->start < end; vma = area_next(vma))
        clear_area(&g, vma, MAX(start, vma->start), MIN(end, vma->end));
    tlb_gather_end(&g);
}

/*
 * After the areas are gone, so that no reverse-map walk can still be on its way through the tables: it holds
 * the object's lock, and an area leaves its objects' lists under that lock.
 */
void unmap_tables(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    gather_tables(&g, paddr_address(mm->root.table), PT_LEVELS - 1, 0, start, end);
    tlb_gather_end(&g);
}

/* Tables lie under areas, so each area's range, once it is gone, is where to look for some that nobody needs now. */
void unmap_all(struct mm *mm)
{
    struct tlb_gather g;
    struct tree_node *node;

    tlb_gather_begin(&g, mm);
    while ((node = tree_first(&mm->areas)) != NULL) {
        struct vma *vma = container_of(node, struct vma, node);
        vaddr_t start = vma->start, end = vma->end;
        clear_area(&g, vma, start, end);
        area_free(vma);
        gather_tables(&g, paddr_address(mm->root.table), PT_LEVELS - 1, 0, start, end);
    }
    tlb_gather_end(&g);
}
