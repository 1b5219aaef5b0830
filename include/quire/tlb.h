/* SPDX-License-Identifier: MIT */
/*
 * TLB gather: what an unmapping lets go of is collected, flushed once on every CPU that may hold a
 * translation, and only then put. Frames and tables never go back earlier.
 */
#pragma once

#include <quire/pgtable.h>

struct folio;
struct insecure_mem;

#define TLB_GATHER_ITEMS 64

struct tlb_gather {
    struct mm *mm;
    vaddr_t start, end; /* what changed; start >= end: nothing */
    unsigned nr_items;
    bool tables; /* a table goes too: paging-structure caches */
    struct {
        void *what; /* struct folio *, struct insecure_mem * or pte_t * */
        u32 nr;
        u8 kind;
    } items[TLB_GATHER_ITEMS];
};

void tlb_gather_begin(struct tlb_gather *g, struct mm *mm);
void tlb_gather_range(struct tlb_gather *g, vaddr_t addr, u64 nr); /* entries changed there */
static inline bool tlb_gather_full(const struct tlb_gather *g) { return g->nr_items + 2 > TLB_GATHER_ITEMS; }
void tlb_gather_folio(struct tlb_gather *g, struct folio *folio, u32 nr); /* nr mappings and references */
void tlb_gather_hole(struct tlb_gather *g, struct insecure_mem *hole, u32 nr);
void tlb_gather_table(struct tlb_gather *g, pte_t *table);
/* Flush and put what was gathered. No locks below mm.areas held. The gather can be used again. */
void tlb_gather_end(struct tlb_gather *g);

/* Flush [start, start + nr pages) of mm everywhere, now. */
void tlb_flush_range(struct mm *mm, vaddr_t start, u64 nr);
void tlb_flush_kernel_range(vaddr_t start, u64 nr);
/* Tests: ASIDs run out at `limit` (0: where the machine says); more than twice the number of CPUs. */
void asid_test_limit(u64 limit);

/* What a CPU does when asked to (kernel/shootdown.c) and for its own part. */
void tlb_flush_local(const struct pt_root *root, vaddr_t start, u64 nr);
