/* SPDX-License-Identifier: MIT */
/*
 * Address space identifiers with generations, and loading an address space on a CPU.
 *
 * An ASID is valid in the generation that it was given in. When the numbers run out, a new generation begins: every
 * CPU flushes its whole TLB, and roots get a new number when they are next loaded. Numbers that a CPU uses at that
 * moment stay taken, because that CPU goes on with them.
 *
 * A CPU first writes which root it is about to load (loading_mm), and then looks at the generation. It changes
 * active_mm only after the new root is loaded. Whoever begins a generation first raises it, and then looks at the CPUs.
 * So either the CPU sees the new generation and asks for a number, or its number is seen and kept. ASID 0 is the
 * kernel's own.
 *
 * A CPU doesn't flush when a generation begins, but when it first loads a root in it, before the root is loaded. It
 * flushes for every number, because the number may have been another root's in an older generation. Until then the CPU
 * goes on with its old root, whose number stays taken. So nobody waits for another CPU's answer here. That is
 * necessary: mm_activate() is called under a run queue's lock, and perhaps by a CPU whose interrupt handler another CPU
 * waits for. plain_wait() waits too, but for a few stores of a CPU that has interrupts off and waits for nothing.
 *
 * A loaded address space is kept by the thread that runs in it: a thread leaves its address space (mm_activate(NULL))
 * before it drops what keeps the address space, in process_thread_exit(). Debug kernels check this: there a loaded
 * address space has a reference, which is never the last one.
 */
#include <quire/activate.h>
#include <quire/batch.h>
#include <quire/mm.h>
#include <quire/code_events.h>
#include <quire/log.h>
#include <quire/mm_event.h>
#include <quire/tlb.h>
#include <arch-generic/paging.h>

static spinlock_t asid_lock;
LOCK_ORDER_STATIC(33, asid_lock);
u64 asid_generation = 1;
static u64 next_asid = 1, asid_limit = 1UL << ARCH_ASID_BITS;
static u64 reserved[2 * MAX_CPUS];
static unsigned nr_reserved;

static bool is_reserved(u64 asid)
{
    for (unsigned i = 0; i < nr_reserved; i++)
        if (reserved[i] == asid)
            return true;
    return false;
}

/* A number of the generation that ends stays valid. Two roots may have the same number of an older generation. */
static void keep(struct mm *mm)
{
    if (!mm || READ_ONCE(mm->root.generation) != asid_generation - 1)
        return;
    reserved[nr_reserved++] = mm->root.asid;
    __atomic_store_n(&mm->root.generation, asid_generation, __ATOMIC_RELEASE);
}

static void new_generation(void)
{
    __atomic_fetch_add(&asid_generation, 1, __ATOMIC_SEQ_CST);
    next_asid = 1;
    nr_reserved = 0;
    counter_inc(COUNTER_ASID_ROLLOVER);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        keep(__atomic_load_n(&cpu_area(cpu)->active_mm, __ATOMIC_SEQ_CST));
        keep(__atomic_load_n(&cpu_area(cpu)->loading_mm, __ATOMIC_SEQ_CST));
    }
}

/* Waits for asid_lock, so that no root is freed while new_generation() looks at it. */
void asid_forget(void)
{
    bool irq = spin_lock_irqsave(&asid_lock); /* interrupts off: this lock is taken under run queues' locks */
    spin_unlock_irqrestore(&asid_lock, irq);
}

/* Flushes this CPU's translations of older generations. */
static void catch_up(struct percpu *cpu, u64 now)
{
    tlb_flush_local(NULL, 0, 0);
    cpu->asid_generation = now;
}

static void give_asid(struct pt_root *root)
{
    spin_lock(&asid_lock);
    if (root->generation != asid_generation) {
        do {
            if (next_asid >= asid_limit)
                new_generation();
        } while (is_reserved(next_asid++));
        root->asid = next_asid - 1;
        root->word = arch_root_word(root);
        __atomic_store_n(&root->generation, asid_generation, __ATOMIC_RELEASE);
    }
    spin_unlock(&asid_lock);
}

void asid_test_limit(u64 limit)
{
    bool irq = spin_lock_irqsave(&asid_lock);
    asid_limit = limit ? limit : 1UL << ARCH_ASID_BITS;
    spin_unlock_irqrestore(&asid_lock, irq);
}

void asid_refresh(struct percpu *cpu, struct pt_root *root)
{
    if (READ_ONCE(root->generation) != __atomic_load_n(&asid_generation, __ATOMIC_SEQ_CST))
        give_asid(root);
    if (cpu->asid_generation != root->generation)
        catch_up(cpu, root->generation);
}

void mm_activate(struct mm *mm)
{
    struct percpu *cpu = this_cpu();
    struct mm *old = cpu->active_mm;

    code_left(); /* the last thread has left; the next one checks its code generation on the way to user mode */
    if (old == mm)
        return;
    mm_load(cpu, mm, old);
    cpu->user_work = true; /* this CPU's last fence may be older than mm's code: icache_enter_user() */
}
