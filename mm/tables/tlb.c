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
    g->nr_folios = g->nr_others = 0;
    g->tables = false;
}

void tlb_gather_pending(struct tlb_gather *g) { __atomic_fetch_add(&g->mm->flushes_pending, 1, __ATOMIC_RELAXED); }

void tlb_gather_hole(struct tlb_gather *g, struct insecure_mem *hole, u32 nr)
{
    g->others[g->nr_others].hole = hole;
    g->others[g->nr_others++].nr = nr;
}

void tlb_gather_table(struct tlb_gather *g, pte_t *table)
{
    g->tables = true;
    g->others[g->nr_others].hole = NULL;
    g->others[g->nr_others++].table = table;
}

void tlb_gather_end(struct tlb_gather *g)
{
    if (g->tables || g->start < g->end) {
        counter_inc(COUNTER_FLUSH_OPERATIONS);
        if (g->tables || !ARCH_FLUSH_ON_CLEAR)
            tlb_flush_range(g->mm, g->start, g->tables ? 0 : (g->end - g->start) >> PAGE_SHIFT);
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
