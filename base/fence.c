/* SPDX-License-Identifier: MIT */
/*
 * Generations of code, and a CPU's instruction fence: see <quire/cacheflush.h>. What needs a fence, and in which
 * address spaces, is known in mm/folios/cacheflush.c.
 */
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/spinlock.h>

static u64 code_gen = 1;

u64 icache_generation(void) { return __atomic_load_n(&code_gen, __ATOMIC_SEQ_CST); }
u64 icache_next_generation(void) { return __atomic_add_fetch(&code_gen, 1, __ATOMIC_SEQ_CST); }

void icache_fence(void)
{
    bool irq = irq_save();
    struct percpu *cpu = this_cpu();
    /* Read before the fence: a generation made between the two isn't covered by it. */
    u64 gen = __atomic_load_n(&code_gen, __ATOMIC_SEQ_CST);

    arch_icache_fence_local();
    code_fenced(gen);
    counter_inc(COUNTER_ICACHE_FENCE);
    /*
     * It never goes back, somebody may wait for it: who waits for the shadow's lock serves others, and fences for
     * them.
     */
    if (cpu->fenced_gen < gen)
        __atomic_store_n(&cpu->fenced_gen, gen, __ATOMIC_RELEASE);
    irq_restore(irq);
}
