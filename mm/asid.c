/* SPDX-License-Identifier: MIT */
/*
 * Address space identifiers with generations, and loading an address space on a CPU.
 *
 * An ASID is valid in the generation that it was given in. When the numbers run out a new generation
 * begins: every CPU flushes all it has, and roots get a new number when they are next loaded. Numbers in use
 * on some CPU at that moment stay taken, because that CPU goes on with them.
 * ASID 0 is the kernel's own.
 */
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/mm_upcalls.h>
#include <quire/tlb.h>
#include <arch-generic/paging.h>

#define ASID_LIMIT (1UL << ARCH_ASID_BITS)

static spinlock_t asid_lock;
static u64 generation = 1, next_asid = 1;
static u64 reserved[MAX_CPUS];
static unsigned nr_reserved;

static bool is_reserved(u64 asid)
{
    for (unsigned i = 0; i < nr_reserved; i++)
        if (reserved[i] == asid)
            return true;
    return false;
}

static void new_generation(void)
{
    generation++;
    next_asid = 1;
    nr_reserved = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct mm *mm = READ_ONCE(cpu_area(cpu)->active_mm);
        if (mm && mm->root.asid) {
            reserved[nr_reserved++] = mm->root.asid;
            mm->root.generation = generation;
        }
    }
    tlb_flush_kernel_range(0, 0); /* everything, everywhere */
}

static void give_asid(struct pt_root *root)
{
    spin_lock(&asid_lock);
    if (root->generation != generation) {
        do {
            if (next_asid == ASID_LIMIT)
                new_generation();
        } while (is_reserved(next_asid++));
        root->asid = next_asid - 1;
        __atomic_store_n(&root->generation, generation, __ATOMIC_RELEASE);
    }
    spin_unlock(&asid_lock);
}

void mm_activate(struct mm *mm)
{
    struct percpu *cpu = this_cpu();
    struct mm *old = cpu->active_mm;
    u32 self = 1u << cpu->cpu;

    if (old == mm)
        return;
    if (mm) {
        if (ARCH_ASID_BITS && mm->root.generation != READ_ONCE(generation))
            give_asid(&mm->root);
        cpu->active_mm = mm;
        __atomic_fetch_or(&mm->root.cpumask, self, __ATOMIC_SEQ_CST); /* before the first walk */
    } else {
        cpu->active_mm = NULL;
    }
    arch_pt_activate_user(mm ? &mm->root : NULL);
    mm_event(MM_EVENT_ROOT_LOAD, mm ? paddr_value(mm->root.table) : 0, mm ? mm->root.asid : 0, 0);
    /* Untagged translations of `old` went with the load; tagged ones stay, and so does the bit. */
    if (old && !ARCH_ASID_BITS && !ARCH_TLB_BROADCAST)
        __atomic_fetch_and(&old->root.cpumask, ~self, __ATOMIC_SEQ_CST);
}
