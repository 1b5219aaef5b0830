/* SPDX-License-Identifier: MIT */
/*
 * TLB gather: an unmapping collects what it removes, flushes once on every CPU that may hold a translation, and only
 * then drops the references. No frame and no table is freed earlier.
 */
#pragma once

#include <quire/folio.h>
#include <quire/messages.h>
#include <quire/pgtable.h>

struct insecure_mem;

#define TLB_GATHER_FOLIOS 256 /* 4 KiB of the kernel stack's 16 */
#define TLB_GATHER_OTHERS 8

struct tlb_gather {
    struct mm *mm;
    vaddr_t start, end; /* the range that changed; start >= end: nothing changed */
    unsigned nr_folios, nr_others;
    bool late;   /* entries were changed without the instruction that flushes them: plain_begin() */
    bool irq;    /* between plain_begin() and plain_end(): were interrupts on? */
    bool tables; /* entries above level 0 changed: the flush covers all of the root, for paging-structure caches */
    struct {
        struct insecure_mem *hole; /* nr mappings of this hole; NULL: a table */
        pte_t *table;
        u32 nr;
    } others[TLB_GATHER_OTHERS];
    struct folio_mappings folios[TLB_GATHER_FOLIOS];
};

void tlb_gather_begin(struct tlb_gather *g, struct mm *mm);
void tlb_gather_pending(struct tlb_gather *g); /* internal: the first change since the last flush */
/* nr entries changed from addr on. If their frames are to be freed, the caller holds the lock of the entries' table. */
static inline void tlb_gather_range(struct tlb_gather *g, vaddr_t addr, u64 nr)
{
    if (unlikely(g->start >= g->end))
        tlb_gather_pending(g);
    g->start = MIN(g->start, addr);
    g->end = MAX(g->end, addr + nr * PAGE_SIZE);
}
/* There may be no room for one more folio, hole or table: end the gather. */
static inline bool tlb_gather_full(const struct tlb_gather *g)
{
    return g->nr_folios == TLB_GATHER_FOLIOS || g->nr_others == TLB_GATHER_OTHERS;
}
/* Adds nr mappings of the folio and their references. The gather isn't full. */
static inline void tlb_gather_folio(struct tlb_gather *g, struct folio *folio, u64 nr)
{
    g->folios[g->nr_folios++] = (struct folio_mappings){folio, -(nr * FOLIO_MAPPING)};
}
/* Adds a reference that belongs to no mapping and is dropped later, without the locks of now. The gather isn't full. */
static inline void tlb_gather_reference(struct tlb_gather *g, struct folio *folio)
{
    struct folio_mappings *last = g->folios + g->nr_folios;

    if (g->nr_folios && last[-1].folio == folio) {
        last[-1].minus -= FOLIO_REFERENCE;
    } else {
        *last = (struct folio_mappings){folio, -FOLIO_REFERENCE};
        g->nr_folios++;
    }
}
void tlb_gather_hole(struct tlb_gather *g, struct insecure_mem *hole, u32 nr);
void tlb_gather_table(struct tlb_gather *g, pte_t *table);
/* Flush, and drop the references that were gathered. No locks below mm.areas held. The gather can be used again. */
void tlb_gather_end(struct tlb_gather *g);

/* Flush [start, start + nr pages) of mm everywhere, now. */
void tlb_flush_range(struct mm *mm, vaddr_t start, u64 nr);
void tlb_flush_kernel_range(vaddr_t start, u64 nr);
/* For tests: ASIDs run out at `limit` (0: at the machine's limit), which is more than twice the number of CPUs. */
void asid_test_limit(u64 limit);
