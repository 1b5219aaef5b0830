/* SPDX-License-Identifier: MIT */
/*
 * Removing mappings: entries are cleared in runs, each within one table, into a TLB gather; then the tables that nobody
 * needs any more are removed. Frames and tables are freed when the gather ends, after its flush.
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
#include "areas.h"

/* The state while one run of entries is cleared; its table is locked. */
struct clearing {
    struct tlb_gather *g;
    vaddr_t start;                      /* the address of the first entry's page */
    pte_t *first, *p, *end;             /* p: the next entry */
    struct folio_mappings *out, *full;  /* the gather's next free place, and its end */
    unsigned skipped;                   /* entries that map no counted frame */
};

static __always_inline vaddr_t address_of(const struct clearing *c, const pte_t *p)
{
    return c->start + (vaddr_t)(p - c->first) * PAGE_SIZE;
}

/* Clears poison, a mark, an old entry, or a frame of no folio. Returns how many counted mappings it removes: 0 or 1. */
static __noinline unsigned clear_odd_entry(struct tlb_gather *g, vaddr_t addr, pte_t *ptep)
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

static __always_inline void clear_odd(struct clearing *c)
{
    c->g->nr_folios = (unsigned)(c->out - c->g->folios);
    c->skipped += 1 - clear_odd_entry(c->g, address_of(c, c->p), c->p);
    c->out = c->g->folios + c->g->nr_folios;
    c->p++;
}

static __always_inline void clear_group(struct clearing *c, struct folio *f)
{
    mm_event(MM_EVENT_ENTRY_CLEAR, address_of(c, c->p), f->pfn, PT_CONT);
    bool plain = plain_begin(c->g);
    if (!plain)
        break_run(c->p, address_of(c, c->p), PT_CONT);
    store_run(c->p, pte_empty(0), PT_CONT, 0);
    plain_end(c->g, plain);
    *c->out++ = (struct folio_mappings){f, -(PT_CONT * FOLIO_MAPPING)};
    c->p += PT_CONT;
}

/* Clears entries of one folio as long as they are alike. None: a group was undone; the next call clears its entries. */
static __always_inline void clear_folio(struct clearing *c, const struct entries *run)
{
    u64 nr = clear_alike(c->g->mm, c->start, c->p, run->nr, run->first);

    mm_event(MM_EVENT_ENTRY_CLEAR, address_of(c, c->p), pte_pfn(run->first), nr);
    *c->out = (struct folio_mappings){run->folio, -(nr * FOLIO_MAPPING)};
    folio_note_partial(run->folio, nr);
    c->out += nr > 0;
    c->p += nr;
}

/*
 * Clears entries of one-frame folios, as many as follow each other, but at most nr. `f` is the first one's. Returns how
 * many entries that were. Not inline, because this loop needs all registers.
 */
static __noinline u64 clear_frames(struct tlb_gather *g, struct folio *f, vaddr_t addr, pte_t *p, u64 nr,
                                   struct folio_mappings *out)
{
    bool plain = plain_begin(g);
    const memdesc_t *words = memory.words;
    pte_t *first = p, *last = p + nr;

    do {
        mm_event(MM_EVENT_ENTRY_CLEAR, addr, f->pfn, 1);
        if (!plain)
            pte_break(first, addr);
        pte_store(p, pte_empty(0));
        *out++ = (struct folio_mappings){f, -FOLIO_MAPPING};
        addr += PAGE_SIZE;
    } while (++p < last && entry_is_frame(words, pte_load_raw(p), &f));
    plain_end(g, plain);
    return (u64)(p - first);
}

/* Clears up to nr entries of one table into the gather; returns how many entries it has looked at. */
static __noinline unsigned clear_run(struct tlb_gather *g, vaddr_t start, pte_t *ptep, unsigned nr)
{
    const memdesc_t *words = memory.words;
    struct clearing c = {g, start, ptep, ptep, ptep + nr, g->folios + g->nr_folios, g->folios + TLB_GATHER_FOLIOS, 0};

    while (c.p < c.end && c.out < c.full) {
        u64 nr_frames;
        struct entries run = next_entries(words, c.p, c.end);
        switch (run.kind) {
        case ENTRY_EMPTY:
            c.p++;
            c.skipped++;
            break;
        case ENTRY_FRAME:
            nr_frames = clear_frames(g, run.folio, address_of(&c, c.p), c.p,
                                     MIN((u64)(c.end - c.p), (u64)(c.full - c.out)), c.out);
            c.p += nr_frames;
            c.out += nr_frames;
            break;
        case ENTRY_GROUP:
            clear_group(&c, run.folio);
            break;
        case ENTRY_FOLIO:
            clear_folio(&c, &run);
            break;
        case ENTRY_ODD:
            clear_odd(&c);
            break;
        }
    }
    nr = (unsigned)(c.p - ptep);
    if (nr > c.skipped)
        tlb_gather_range(g, start, nr);
    counter_inc(COUNTER_CLEAR_CALLS);
    counter_add(COUNTER_CLEAR_ENTRIES, nr - c.skipped);
    g->nr_folios = (unsigned)(c.out - g->folios);
    __atomic_fetch_sub(&g->mm->nr_mapped, nr - c.skipped, __ATOMIC_RELAXED);
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

/* The same for an area that shows device registers. */
static unsigned clear_device_run(struct tlb_gather *g, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    unsigned mapped = 0;

    for (unsigned i = 0; i < nr; i++)
        mapped += pte_present(pte_load(ptep + i));
    if (mapped) {
        clear_ptes(g->mm, addr, ptep, nr);
        tlb_gather_range(g, addr, nr);
        __atomic_fetch_sub(&g->mm->nr_mapped, mapped, __ATOMIC_RELAXED);
    }
    return nr;
}

/* The same for any kind of area. The table is locked. */
static unsigned clear_some(struct tlb_gather *g, struct vma *vma, vaddr_t addr, pte_t *ptep, unsigned nr)
{
    if (likely(!(vma->flags & (VMA_HOLE | VMA_DEVICE))))
        return clear_run(g, addr, ptep, nr);
    return vma->flags & VMA_HOLE ? clear_hole_run(g, vma->hole, addr, ptep, nr) : clear_device_run(g, addr, ptep, nr);
}

/* Whether no area lies in [start, end). */
static bool span_unused(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct vma *vma = area_at_or_above(mm, start);
    return !vma || vma->start >= end;
}

/* Called after each addition, so that the next one finds room. */
static void end_if_full(struct tlb_gather *g)
{
    if (tlb_gather_full(g)) {
        tlb_gather_end(g);
        preempt_point();
    }
}

/* Removes the tables below `table`, which is of `level`, that only [from, to) used. Their entries are all empty. */
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
        spinlock_t *lock = pt_lock(entry);
        spin_lock(lock);
        mm_event(MM_EVENT_ENTRY_CLEAR, start, address_pfn(below), 1);
        pte_store(entry, pte_empty(level));
        spin_unlock(lock);
        tlb_gather_range(g, start, 1);
        tlb_gather_table(g, below);
        end_if_full(g);
    }
}

/* Clears a block if all of it is in the run. Otherwise the block becomes a table, whose entries are the next run. */
static void clear_block(struct tlb_gather *g, struct run *run)
{
    if (run->next - run->addr < BLOCK_BYTES || !block_clear(g, run->addr, run->ptep)) {
        block_split(g->mm, run->addr, run->ptep);
        run_again(run);
    }
}

/* Clears the entries of [start, end), a part of one area, into the gather, which is ended whenever it is full. */
static void clear_area(struct tlb_gather *g, struct vma *vma, vaddr_t start, vaddr_t end)
{
    for_each_run(run, &vma->mm->root, start, end) {
        if (unlikely(run.kind == RUN_BLOCK)) {
            clear_block(g, &run);
            end_if_full(g);
        }
        /* Also for missing tables. A kill can't end this loop, because a dying process unmaps too. */
        preempt_point();
        if (run.kind != RUN_ENTRIES)
            continue;
        spinlock_t *lock = pt_lock(run.ptep);
        for (unsigned done = 0; done < run.nr;) {
            vaddr_t at = run.addr + done * PAGE_SIZE;
            spin_lock(lock);
            done += clear_some(g, vma, at, run.ptep + done, run.nr - done);
            spin_unlock(lock);
            end_if_full(g);
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
 * Called after the areas are freed: then no reverse-map walk is in the tables any more. A walk holds the object's lock,
 * and an area leaves its objects' lists under that lock.
 */
void unmap_tables(struct mm *mm, vaddr_t start, vaddr_t end)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    gather_tables(&g, paddr_address(mm->root.table), PT_LEVELS - 1, 0, start, end);
    tlb_gather_end(&g);
}

/* Whether one table of pages translates both addresses. */
static bool in_one_table(vaddr_t a, vaddr_t b) { return ALIGN_DOWN(a, pt_span(1)) == ALIGN_DOWN(b, pt_span(1)); }

static struct vma *first_area(struct mm *mm)
{
    struct tree_node *node = tree_first(&mm->areas);
    return node ? container_of(node, struct vma, node) : NULL;
}

/*
 * Tables lie under areas. So after each area is freed, its range is searched for tables that nobody needs any more. If
 * the area and the next one lie in one table of pages, only the search after the next one is needed.
 */
void unmap_all(struct mm *mm)
{
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    for (struct vma *vma = first_area(mm), *next; vma; vma = next) {
        vaddr_t start = vma->start, end = vma->end;
        clear_area(&g, vma, start, end);
        area_free(vma);
        next = first_area(mm);
        if (!next || !in_one_table(start, end - 1) || !in_one_table(start, next->start))
            gather_tables(&g, paddr_address(mm->root.table), PT_LEVELS - 1, 0, start, end);
    }
    tlb_gather_end(&g);
}
