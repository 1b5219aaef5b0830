/* SPDX-License-Identifier: MIT */
/*
 * Loading an address space on this CPU: mm/tables/asid.c explains it. mm_activate() (<quire/mm.h>) is for everybody;
 * mm_load() is its core, in two steps, inline for the scheduler's hand-over.
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

/* Says that this CPU is about to load mm. A full fence follows, and then mm_load_announced(). */
static inline void mm_announce(struct percpu *cpu, struct mm *mm) { WRITE_ONCE(cpu->loading_mm, mm); }

/*
 * After the fence: whether mm's ASID is valid here, and this CPU is in the mask of those that may hold mm's
 * translations. (It puts itself there where that is needed each time.)
 */
static inline bool mm_is_ready(const struct percpu *cpu, struct mm *mm)
{
    if (!ARCH_ASID_BITS && !ARCH_TLB_BROADCAST) {
        __atomic_fetch_or(&mm->root.cpumask, cpu->bit, __ATOMIC_SEQ_CST); /* before the first walk */
        return true;
    }
    if (ARCH_ASID_BITS) {
        u64 generation = READ_ONCE(asid_generation);
        if (__atomic_load_n(&mm->root.generation, __ATOMIC_ACQUIRE) != generation || cpu->asid_generation != generation)
            return false;
    }
    return READ_ONCE(mm->root.cpumask) & cpu->bit;
}

/* Makes it so. */
static inline void mm_make_ready(struct percpu *cpu, struct mm *mm)
{
    if (ARCH_ASID_BITS)
        asid_refresh(cpu, &mm->root);
    if (!(READ_ONCE(mm->root.cpumask) & cpu->bit)) /* only this CPU clears its bit */
        __atomic_fetch_or(&mm->root.cpumask, cpu->bit, __ATOMIC_SEQ_CST); /* before the first walk */
}

/*
 * Loads mm (NULL: none), which was announced and is ready, instead of old, the CPU's active_mm. Interrupts off. The
 * caller makes sure that the CPU fences before it runs code of mm, mm_needs_fence().
 *
 * What keeps a loaded address space is the thread that runs in it: it leaves the address space before it gives up what
 * keeps it (mm/tables/asid.c). Debug kernels check this rule by a reference of the CPU's own.
 */
static __always_inline void mm_load_ready(struct percpu *cpu, struct mm *mm, struct mm *old)
{
    if (QUIRE_DEBUG && mm)
        mm_get(mm);
    if (mm)
        plain_wait(cpu, &mm->root);
    arch_pt_switch_user(mm ? &mm->root : NULL);
    WRITE_ONCE(cpu->active_mm, mm);
    if (ARCH_FLUSH_ON_CLEAR && old && old != mm)
        __atomic_fetch_and(&old->root.loaded, ~cpu->bit, __ATOMIC_RELEASE);
    mm_event(MM_EVENT_ROOT_LOAD, mm ? paddr_value(mm->root.table) : 0, mm ? mm->root.asid : 0, 0);
    /* The load has flushed untagged translations of `old`. Tagged ones stay, and so the bit in cpumask stays, too. */
    if (old && !ARCH_ASID_BITS && !ARCH_TLB_BROADCAST && old != mm)
        __atomic_fetch_and(&old->root.cpumask, ~cpu->bit, __ATOMIC_SEQ_CST);
    if (QUIRE_DEBUG && old) {
        u32 refs = __atomic_sub_fetch(&old->refs, 1, __ATOMIC_RELEASE);
        KASSERT(refs, "an address space was given up while CPU %u ran in it", cpu->cpu);
    }
}

/* Both, for an address space that was announced. */
static inline void mm_load_announced(struct percpu *cpu, struct mm *mm, struct mm *old)
{
    if (mm && !mm_is_ready(cpu, mm))
        mm_make_ready(cpu, mm);
    mm_load_ready(cpu, mm, old);
}

static inline void mm_load(struct percpu *cpu, struct mm *mm, struct mm *old)
{
    mm_announce(cpu, mm);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    mm_load_announced(cpu, mm, old);
}

/* Whether this CPU's last instruction fence is older than mm's code. After mm_load(). */
static inline bool mm_needs_fence(const struct percpu *cpu, const struct mm *mm)
{
    return ICACHE_STALE || (ARCH_ICACHE_LOCAL_FENCE && cpu->fenced_gen < READ_ONCE(mm->need_gen));
}
