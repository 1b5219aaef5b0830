/* SPDX-License-Identifier: MIT */
/*
 * TLB maintenance for all CPUs.
 *
 * Which CPUs may hold a translation: a CPU sets its bit in root->cpumask before it loads the root (mm_activate). The
 * CPU that flushes reads the mask after its stores to the entries. Both have a full barrier in between. So either the
 * second CPU sees the first one's bit, or the first CPU's walker sees the new entries.
 */
#include <quire/tlb.h>
#include <quire/counters.h>
#include <quire/space.h>
#include <quire/mm_event.h>

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

void tlb_gather_pending(struct tlb_gather *g) { __atomic_fetch_add(&g->mm->flushes_pending, 1, __ATOMIC_RELAXED); }
