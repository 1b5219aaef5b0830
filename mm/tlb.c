/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance for all CPUs, and the gather that puts frames and tables only afterwards.
 *
 * Who may hold a translation: a CPU enters root->cpumask before it loads the root (mm_activate), and the
 * flusher reads the mask after its stores to the entries, with a full barrier in between on either side.
 * So either the flusher sees the CPU, or the CPU's walker sees the new entries.
 */
#include <quire/tlb.h>
#include <quire/counters.h>
#include <quire/hole.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/mm_upcalls.h>

#define FLUSH_ALL_ABOVE 32 /* pages: more than that is cheaper as one flush of the whole root */

enum { ITEM_FOLIO, ITEM_HOLE, ITEM_TABLE };

void tlb_flush_local(const struct pt_root *root, vaddr_t start, u64 nr)
{
    counter_inc(COUNTER_FLUSH_LOCAL);
    if (nr == 0 || nr > FLUSH_ALL_ABOVE) {
        if (root)
            arch_tlb_flush_root(root);
        else
            arch_tlb_flush_all();
        return;
    }
    for (u64 i = 0; i < nr; i++) {
        if (root)
            arch_tlb_flush_page(root, start + i * PAGE_SIZE);
        else
            arch_tlb_flush_kernel_page(start + i * PAGE_SIZE);
    }
}

void tlb_flush_range(struct mm *mm, vaddr_t start, u64 nr)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    u32 mask = READ_ONCE(mm->root.cpumask), self = 1u << this_cpu()->cpu;

    if (!mask)
        return;
    mm_event(MM_EVENT_FLUSH_BEGIN, paddr_value(mm->root.table), start, nr);
    if (ARCH_TLB_BROADCAST || mask & self)
        tlb_flush_local(&mm->root, start, nr);
    if (!ARCH_TLB_BROADCAST && mask & ~self) {
        counter_inc(COUNTER_FLUSH_REMOTE);
        mm_flush_remote(mask & ~self, &mm->root, start, nr);
    }
    mm_event(MM_EVENT_FLUSH_END, paddr_value(mm->root.table), start, nr);
}

void tlb_flush_kernel_range(vaddr_t start, u64 nr)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    tlb_flush_local(NULL, start, nr);
    if (!ARCH_TLB_BROADCAST)
        mm_flush_remote(~0u, NULL, start, nr);
}

void tlb_gather_begin(struct tlb_gather *g, struct mm *mm)
{
    g->mm = mm;
    g->start = ~0UL;
    g->end = 0;
    g->nr_items = 0;
    g->tables = false;
}

void tlb_gather_range(struct tlb_gather *g, vaddr_t addr, u64 nr)
{
    g->start = MIN(g->start, addr);
    g->end = MAX(g->end, addr + nr * PAGE_SIZE);
}

static void add(struct tlb_gather *g, void *what, u32 nr, u8 kind)
{
    if (g->nr_items && g->items[g->nr_items - 1].what == what && kind != ITEM_TABLE) {
        g->items[g->nr_items - 1].nr += nr;
        return;
    }
    g->items[g->nr_items].what = what;
    g->items[g->nr_items].nr = nr;
    g->items[g->nr_items++].kind = kind;
}

void tlb_gather_folio(struct tlb_gather *g, struct folio *folio, u32 nr) { add(g, folio, nr, ITEM_FOLIO); }
void tlb_gather_hole(struct tlb_gather *g, struct insecure_mem *hole, u32 nr) { add(g, hole, nr, ITEM_HOLE); }
void tlb_gather_table(struct tlb_gather *g, pte_t *table)
{
    g->tables = true;
    add(g, table, 1, ITEM_TABLE);
}

void tlb_gather_end(struct tlb_gather *g)
{
    if (g->tables || g->start < g->end) {
        counter_inc(COUNTER_FLUSH_OPERATIONS);
        if (g->tables || !ARCH_FLUSH_ON_CLEAR)
            tlb_flush_range(g->mm, g->start, g->tables ? 0 : (g->end - g->start) >> PAGE_SHIFT);
    }
    for (unsigned i = 0; i < g->nr_items; i++) {
        u32 nr = g->items[i].nr;
        switch (g->items[i].kind) {
        case ITEM_FOLIO:
            folio_remove_mappings(g->items[i].what, nr);
            folio_put_many(g->items[i].what, nr);
            break;
        case ITEM_HOLE:
            __atomic_fetch_sub(&((struct insecure_mem *)g->items[i].what)->map_count, nr, __ATOMIC_RELAXED);
            hole_put_many(g->items[i].what, nr);
            break;
        case ITEM_TABLE:
            pt_table_free(g->items[i].what);
            break;
        }
    }
    tlb_gather_begin(g, g->mm);
}
