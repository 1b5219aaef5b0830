/* SPDX-License-Identifier: MIT */
/* TLB gathers: what an unmapping removes is collected, flushed once, and only then dropped. See <quire/tlb.h>. */
#include <quire/tlb.h>
#include <quire/counters.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/space.h>

void tlb_gather_begin(struct tlb_gather *g, struct mm *mm)
{
    g->mm = mm;
    g->start = ~0UL;
    g->end = 0;
    g->nr_folios = g->nr_others = 0;
    g->tables = g->late = false;
}

void tlb_gather_hole(struct tlb_gather *g, struct insecure_mem *hole, u32 nr)
{
    DEBUG_ASSERT(!tlb_gather_full(g), "a full gather gets one more hole: it has to be ended first");
    g->others[g->nr_others].hole = hole;
    g->others[g->nr_others++].nr = nr;
}

void tlb_gather_table(struct tlb_gather *g, pte_t *table)
{
    DEBUG_ASSERT(!tlb_gather_full(g), "a full gather gets one more table: it has to be ended first");
    g->tables = true;
    g->others[g->nr_others].hole = NULL;
    g->others[g->nr_others++].table = table;
}

void tlb_gather_end(struct tlb_gather *g)
{
    if (g->tables || g->start < g->end) {
        counter_inc(COUNTER_FLUSH_OPERATIONS);
        if (g->tables || g->late)
            tlb_flush_range(g->mm, 0, 0);
        else if (!ARCH_FLUSH_ON_CLEAR)
            tlb_flush_range(g->mm, g->start, (g->end - g->start) >> PAGE_SHIFT);
    }
    if (g->start < g->end)
        __atomic_fetch_sub(&g->mm->flushes_pending, 1, __ATOMIC_RELEASE);
    folio_put_all_mapped(g->folios, g->nr_folios);
    for (unsigned i = 0; i < g->nr_others; i++) {
        struct insecure_mem *hole = g->others[i].hole;
        if (hole) {
            __atomic_fetch_sub(&hole->map_count, g->others[i].nr, __ATOMIC_RELAXED);
            hole_put_many(hole, g->others[i].nr);
        } else {
            pt_table_free(g->others[i].table);
        }
    }
    tlb_gather_begin(g, g->mm);
}
