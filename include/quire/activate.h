/* SPDX-License-Identifier: MIT */
/*
 * Loading an address space on this CPU: mm/tables/asid.c explains it. mm_activate() (<quire/mm.h>) is for everybody;
 * mm_load() is its core, inline for the scheduler's hand-over.
 */
#pragma once

#include <quire/batch.h>
#include <quire/cacheflush.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/space.h>
#include <arch-generic/paging.h>

extern u64 asid_generation; /* changes under asid_lock */
void asid_refresh(struct percpu *cpu, struct pt_root *root); /* the root has a number of this generation after this */

/*
 * Loads mm (NULL: none) instead of old, the CPU's active_mm; the two differ. Interrupts off. The caller makes sure that
 * the CPU fences before it runs code of mm, mm_needs_fence().
 */
static __always_inline void mm_load(struct percpu *cpu, struct mm *mm, struct mm *old)
{
    u32 self = 1u << cpu->cpu;

    if (mm)
        mm_get(mm);
    __atomic_store_n(&cpu->loading_mm, mm, __ATOMIC_SEQ_CST);
    if (mm) {
        u64 generation = ARCH_ASID_BITS ? __atomic_load_n(&asid_generation, __ATOMIC_SEQ_CST) : 0;
        if (ARCH_ASID_BITS &&
            unlikely(READ_ONCE(mm->root.generation) != generation || cpu->asid_generation != generation))
            asid_refresh(cpu, &mm->root);
        if (!(READ_ONCE(mm->root.cpumask) & self)) /* only this CPU clears its bit */
            __atomic_fetch_or(&mm->root.cpumask, self, __ATOMIC_SEQ_CST); /* before the first walk */
        plain_wait(&mm->root);
    }
    arch_pt_activate_user(mm ? &mm->root : NULL);
    WRITE_ONCE(cpu->active_mm, mm);
    if (ARCH_FLUSH_ON_CLEAR && old)
        __atomic_fetch_and(&old->root.loaded, ~self, __ATOMIC_RELEASE);
    mm_event(MM_EVENT_ROOT_LOAD, mm ? paddr_value(mm->root.table) : 0, mm ? mm->root.asid : 0, 0);
    /* The load has flushed untagged translations of `old`. Tagged ones stay, and so the bit in cpumask stays, too. */
    if (old && !ARCH_ASID_BITS && !ARCH_TLB_BROADCAST)
        __atomic_fetch_and(&old->root.cpumask, ~self, __ATOMIC_SEQ_CST);
    if (old) {
        u32 refs = __atomic_sub_fetch(&old->refs, 1, __ATOMIC_RELEASE);
        KASSERT(refs, "an address space was given up while CPU %u ran in it", cpu->cpu);
    }
}

/* Whether this CPU's last instruction fence is older than mm's code. After mm_load(). */
static inline bool mm_needs_fence(const struct percpu *cpu, const struct mm *mm)
{
    return ICACHE_STALE || (ARCH_ICACHE_LOCAL_FENCE && cpu->fenced_gen < READ_ONCE(mm->need_gen));
}
