/* SPDX-License-Identifier: MIT */
/*
 * Instruction-cache maintenance: see <quire/cacheflush.h> for the rules.
 * Setting a clean bit that another CPU has just cleared would be wrong, so bits are set and cleared under the
 * folio lock, and set only if no store was announced while the maintenance ran: announcing changes folio->gen.
 */
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/mm_upcalls.h>
#include <arch/cacheflush.h>

static u64 code_gen = 1;

/* The bits of folio->clean that stand for frames [first, first + nr). */
static u64 clean_bits(const struct folio *f, size_t first, size_t nr)
{
    unsigned shift = f->order > 6 ? f->order - 6u : 0; /* frames per bit, log2 */
    size_t low = first >> shift, high = (first + nr - 1) >> shift;

    return (~0UL >> (63 - (high - low))) << low;
}

/* The parts of a folio that `bits` stand for were written. */
static void announce_stores(struct folio *f, u64 bits)
{
    spin_lock(&f->lock);
    f->clean &= ~bits;
    f->gen = __atomic_add_fetch(&code_gen, 1, __ATOMIC_SEQ_CST);
    spin_unlock(&f->lock);
}

void flush_dcache_folio(struct folio *folio)
{
    if (!ARCH_ICACHE_COHERENT)
        announce_stores(folio, ~0UL);
}

void flush_dcache_page(pfn_t pfn)
{
    struct folio *f = ARCH_ICACHE_COHERENT ? NULL : pfn_folio_get(pfn);

    if (f) {
        announce_stores(f, clean_bits(f, pfn - f->pfn, 1));
        folio_put(f);
    }
}

/* Raise mm->need_gen to at least gen, and tell CPUs that run mm right now. */
static void need_generation(struct mm *mm, u64 gen)
{
    u64 old = READ_ONCE(mm->need_gen);

    while (old < gen &&
           !__atomic_compare_exchange_n(&mm->need_gen, &old, gen, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        ;
    this_cpu()->user_work = true;
    u32 others = READ_ONCE(mm->root.cpumask) & ~(1u << this_cpu()->cpu);
    if (old < gen && others) {
        counter_inc(COUNTER_ICACHE_REMOTE);
        mm_fence_remote(others);
    }
}

static void clean_range(const void *start, size_t len)
{
    counter_inc(COUNTER_ICACHE_CLEAN);
    counter_add(COUNTER_ICACHE_BYTES, len);
    arch_icache_clean(start, len);
}

/* The maintenance of `bits` is done. False: a store was announced meanwhile, and it may be for nothing. */
static bool note_clean(struct folio *f, u64 bits, u64 gen_before)
{
    spin_lock(&f->lock);
    bool counts = f->gen == gen_before;
    if (counts) {
        f->gen = __atomic_add_fetch(&code_gen, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&f->clean, f->clean | bits, __ATOMIC_RELEASE);
    }
    spin_unlock(&f->lock);
    return counts;
}

/* Whole bits: cleaning less than a bit stands for would make it lie. */
static void clean_bits_of(struct folio *f, u64 bits)
{
    unsigned shift = f->order > 6 ? f->order - 6u : 0;
    size_t low = (size_t)__builtin_ctzl(bits) << shift, end = (64u - (size_t)__builtin_clzl(bits)) << shift;
    u64 gen;

    end = MIN(end, folio_nr_pages(f));
    do {
        gen = __atomic_load_n(&f->gen, __ATOMIC_ACQUIRE);
        clean_range(pfn_address(f->pfn + low), (end - low) << PAGE_SHIFT);
        mm_event(MM_EVENT_ICACHE_CLEAN, f->pfn + low, end - low, 0);
    } while (!note_clean(f, bits, gen));
}

void flush_icache_pages(struct vma *vma, pfn_t pfn, unsigned nr)
{
    if (ARCH_ICACHE_COHERENT || !(vma->prot & PROT_EXEC))
        return;
    struct folio *f = pfn_folio_get(pfn);
    if (!f)
        return; /* a hole's frames belong to a guest and are never executable here */
    u64 bits = clean_bits(f, pfn - f->pfn, nr);
    if (~__atomic_load_n(&f->clean, __ATOMIC_ACQUIRE) & bits)
        clean_bits_of(f, bits);
    if (ARCH_ICACHE_LOCAL_FENCE)
        need_generation(vma->mm, READ_ONCE(f->gen));
    folio_put(f);
}

void flush_icache_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    if (ARCH_ICACHE_COHERENT)
        return;
    clean_range((const void *)start, end - start);
    if (!ARCH_ICACHE_LOCAL_FENCE)
        return;
    u64 gen = __atomic_add_fetch(&code_gen, 1, __ATOMIC_SEQ_CST);
    if (mm)
        need_generation(mm, gen);
    else
        arch_icache_fence_local();
}

void icache_enter_user(struct mm *mm)
{
    if (!ARCH_ICACHE_LOCAL_FENCE)
        return;
    struct percpu *cpu = this_cpu();
    if (likely(cpu->fenced_gen >= READ_ONCE(mm->need_gen)))
        return;
    /* Read before the fence: a generation made between the two isn't covered by it. */
    u64 gen = __atomic_load_n(&code_gen, __ATOMIC_SEQ_CST);
    arch_icache_fence_local();
    counter_inc(COUNTER_ICACHE_FENCE);
    cpu->fenced_gen = gen;
}
