/* SPDX-License-Identifier: MIT */
/*
 * Instruction-cache maintenance: see <quire/cacheflush.h> for the rules.
 * It would be wrong to set a clean bit that another CPU has just cleared. So bits are set and cleared under the folio's
 * lock, and are set only if no store was announced during the maintenance: each announcement changes folio->gen.
 */
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/space.h>
#include <quire/mm_event.h>
#include <quire/messages.h>
#include <arch/cacheflush.h>

/* How many frames a bit of folio->clean stands for, log2. */
static unsigned clean_shift(const struct folio *f) { return f->order > 6 ? f->order - 6u : 0; }

/* The bits of folio->clean that stand for frames [first, first + nr). */
static u64 clean_bits(const struct folio *f, size_t first, size_t nr)
{
    unsigned shift = clean_shift(f);
    size_t low = first >> shift, high = (first + nr - 1) >> shift;

    return (~0UL >> (63 - (high - low))) << low;
}

bool folio_frame_is_clean(const struct folio *f, pfn_t pfn)
{
    return (__atomic_load_n(&f->clean, __ATOMIC_ACQUIRE) & clean_bits(f, pfn - f->pfn, 1)) != 0;
}

/* Announces stores to the parts of a folio that `bits` stand for. */
static void announce_stores(struct folio *f, u64 bits)
{
    spin_lock(&f->lock);
    f->clean &= ~bits;
    f->gen = icache_next_generation();
    spin_unlock(&f->lock);
}

void flush_dcache_folio(struct folio *folio)
{
    if (ICACHE_COHERENT)
        return;
    code_stored(folio->pfn, folio_nr_pages(folio), __builtin_return_address(0));
    announce_stores(folio, ~0UL);
}

void flush_dcache_page(pfn_t pfn)
{
    struct folio *f = ICACHE_COHERENT ? NULL : pfn_folio_get(pfn);

    if (f) {
        code_stored(pfn, 1, __builtin_return_address(0));
        announce_stores(f, clean_bits(f, pfn - f->pfn, 1));
        folio_put(f);
    }
}

/*
 * The other CPUs that may be in user mode of mm with a fence older than gen. A CPU that loads mm from now on
 * (mm_activate()) looks at need_gen, which was raised before. Both sides first store and then read, and all CPUs see
 * these accesses in one order.
 */
static u32 cpus_behind(const struct mm *mm, u64 gen)
{
    u32 behind = 0;

    for (u32 left = READ_ONCE(mm->root.cpumask) & ~(1u << this_cpu()->cpu); left; left &= left - 1) {
        const struct percpu *cpu = cpu_area((unsigned)__builtin_ctz(left));
        if (__atomic_load_n(&cpu->loading_mm, __ATOMIC_SEQ_CST) == mm && READ_ONCE(cpu->fenced_gen) < gen)
            behind |= 1u << cpu->cpu;
    }
    return behind;
}

/* Raises mm->need_gen to at least gen. Other CPUs that may run mm have fenced on return; this CPU will fence later. */
static void need_generation(struct mm *mm, u64 gen)
{
    u64 old = __atomic_load_n(&mm->need_gen, __ATOMIC_ACQUIRE);

    while (old < gen &&
           !__atomic_compare_exchange_n(&mm->need_gen, &old, gen, true, __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE))
        ;
    this_cpu()->user_work = true;
    u32 others = cpus_behind(mm, gen);
    if (unlikely(others)) {
        counter_add(COUNTER_ICACHE_REMOTE, (u64)__builtin_popcount(others));
        mm_fence_remote(others, gen);
    }
    code_published(mm, gen);
}

void icache_clean_at(void *at, size_t bytes)
{
    counter_inc(COUNTER_ICACHE_CLEAN);
    counter_add(COUNTER_ICACHE_BYTES, bytes);
    arch_icache_clean(at, bytes);
}

void icache_clean(struct mm *mm, vaddr_t start, vaddr_t end)
{
    if (ICACHE_COHERENT)
        return;
    icache_clean_at((void *)start, end - start);
    code_cleaned(mm, start, end);
}

void icache_publish(struct mm *mm)
{
    if (!ICACHE_COHERENT && ARCH_ICACHE_LOCAL_FENCE)
        need_generation(mm, icache_next_generation());
}

/* Notes that the maintenance of `bits` is done. False: a store was announced meanwhile, so it has to be repeated. */
static bool note_clean(struct folio *f, u64 bits, u64 gen_before)
{
    spin_lock(&f->lock);
    bool counts = f->gen == gen_before;
    if (counts) {
        f->gen = icache_next_generation();
        __atomic_store_n(&f->clean, f->clean | bits, __ATOMIC_RELEASE);
    }
    spin_unlock(&f->lock);
    return counts;
}

/* Cleans all frames that `bits` stand for: with fewer frames, a set bit would be wrong. */
static void clean_bits_of(struct mm *mm, struct folio *f, u64 bits)
{
    unsigned shift = clean_shift(f);
    size_t low = (size_t)__builtin_ctzl(bits) << shift, end = (64u - (size_t)__builtin_clzl(bits)) << shift;
    u64 gen;

    end = MIN(end, folio_nr_pages(f));
    vaddr_t start = (vaddr_t)pfn_address(f->pfn + low);
    do {
        gen = __atomic_load_n(&f->gen, __ATOMIC_ACQUIRE);
        icache_clean(mm, start, start + ((end - low) << PAGE_SHIFT));
        mm_event(MM_EVENT_ICACHE_CLEAN, f->pfn + low, end - low, 0);
    } while (!note_clean(f, bits, gen));
}

void flush_icache_pages(struct vma *vma, pfn_t pfn, unsigned nr)
{
    if (ICACHE_COHERENT || !(vma->prot & PROT_EXEC))
        return;
    struct folio *f = pfn_folio_get(pfn);
    if (!f)
        return; /* a hole's frames belong to a guest, and are never executable here */
    u64 bits = clean_bits(f, pfn - f->pfn, nr);
    if (~__atomic_load_n(&f->clean, __ATOMIC_ACQUIRE) & bits)
        clean_bits_of(vma->mm, f, bits);
    if (ARCH_ICACHE_LOCAL_FENCE)
        need_generation(vma->mm, READ_ONCE(f->gen));
    folio_put(f);
}

void flush_icache_range(struct mm *mm, vaddr_t start, vaddr_t end)
{
    icache_clean(mm, start, end);
    if (mm)
        icache_publish(mm);
    else
        arch_icache_fence_local();
}

void icache_enter_user(struct mm *mm)
{
    if (ARCH_ICACHE_LOCAL_FENCE && unlikely(this_cpu()->fenced_gen < READ_ONCE(mm->need_gen)))
        icache_fence();
}
