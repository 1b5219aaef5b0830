/* SPDX-License-Identifier: MIT */
/*
 * Generations of code, and a CPU's instruction fence: see <quire/cacheflush.h>. mm/folios/cacheflush.c decides what
 * needs a fence, and in which address spaces.
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
    /* Read before the fence, which doesn't cover a generation that is made after the read. */
    u64 gen = __atomic_load_n(&code_gen, __ATOMIC_SEQ_CST);

    arch_icache_fence_local();
    code_fenced(gen);
    counter_inc(COUNTER_ICACHE_FENCE);
    /*
     * fenced_gen never goes back, because another CPU may wait for it. It may have grown in the meantime: a CPU that
     * waits for the shadow's lock serves other CPUs' requests, and fences for them.
     */
    if (cpu->fenced_gen < gen)
        __atomic_store_n(&cpu->fenced_gen, gen, __ATOMIC_RELEASE);
    irq_restore(irq);
}
