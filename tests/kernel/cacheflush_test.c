/* SPDX-License-Identifier: MIT */
/*
 * Cache maintenance is only done where it is needed: the counters show it. Machines with coherent caches need none.
 */
#include "helpers.h"
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/mm_event.h>
#include <quire/string.h>

#define RX        (PROT_READ | PROT_EXEC)
#define RW        (PROT_READ | PROT_WRITE)
#define PAGES(n)  ((n)*PAGE_SIZE)
#define NEEDED(n) (ICACHE_COHERENT ? 0 : (n))

/* An object of one folio, and an address space that may map it. */
struct code {
    struct folio *folio;
    struct memobj *obj;
    struct mm *mm;
};

static void code_open(struct code *c, unsigned order)
{
    c->folio = folio_alloc(order, 0);
    c->obj = memobj_create(MEMOBJ_BACKED, 1UL << order, NULL);
    c->mm = mm_create();
    ASSERT(c->folio && c->obj && c->mm);
    ASSERT_EQ(memobj_add_folio(c->obj, 0, c->folio), 0);
}

static void code_close(struct code *c)
{
    mm_put(c->mm);
    memobj_put(c->obj);
}

/* Map pages [first, first + nr) of the object and touch them. */
static void show(struct code *c, struct mm *mm, unsigned first, unsigned nr, unsigned prot)
{
    vaddr_t addr = 0;

    ASSERT_EQ(mm_map(mm, &addr, PAGES(nr), prot, MAP_SHARED, c->obj, PAGES((u64)first)), 0);
    ASSERT_EQ(touch_range(mm, addr, PAGES(nr), ACCESS_READ), 0);
}

TEST(cacheflush, a_data_mapping_costs_nothing)
{
    struct code c;

    code_open(&c, 4);
    show(&c, c.mm, 0, 16, RW);
    EXPECT_COUNT(COUNTER_ICACHE_CLEAN, 0);
    EXPECT_COUNT(COUNTER_ICACHE_REMOTE, 0);
    EXPECT_EQ(c.folio->clean, 0);
    code_close(&c);
}

TEST(cacheflush, an_executable_mapping_cleans_once)
{
    struct code c;

    code_open(&c, 4);
    show(&c, c.mm, 0, 16, RX);
    EXPECT_EQ(test_count(COUNTER_ICACHE_CLEAN), NEEDED(1));
    EXPECT_EQ(test_count(COUNTER_ICACHE_BYTES), NEEDED(64 * KiB));
    EXPECT_EQ(c.folio->clean, NEEDED(0xffffUL));
    code_close(&c);
}

TEST(cacheflush, the_second_mapping_of_clean_code_costs_nothing)
{
    struct code c;

    code_open(&c, 4);
    show(&c, c.mm, 0, 16, RX);
    u64 before = test_count(COUNTER_ICACHE_CLEAN);
    struct mm *other = mm_create();
    show(&c, other, 0, 16, RX);
    show(&c, c.mm, 3, 5, RX);
    EXPECT_EQ(test_count(COUNTER_ICACHE_CLEAN), before);
    if (ARCH_ICACHE_LOCAL_FENCE) /* but each CPU that runs it must have fenced since */
        EXPECT(other->need_gen >= c.folio->gen && c.folio->gen > 0);
    mm_put(other);
    code_close(&c);
}

TEST(cacheflush, only_the_mapped_part_of_a_large_folio_is_cleaned)
{
    struct code c;

    code_open(&c, 10); /* 4 MiB: a bit stands for 16 pages */
    show(&c, c.mm, 100, 4, RX);
    EXPECT(test_count(COUNTER_ICACHE_BYTES) <= NEEDED(2 * 64 * KiB));
    u64 cleaned = test_count(COUNTER_ICACHE_BYTES), least = NEEDED(PAGES(4));
    EXPECT(cleaned >= least);
    EXPECT_EQ(c.folio->clean & ~(1UL << 6), 0);
    show(&c, c.mm, 1000, 1, RX);
    EXPECT_EQ(c.folio->clean, NEEDED(1UL << 6 | 1UL << 62));
    code_close(&c);
}

TEST(cacheflush, a_clean_bit_never_covers_what_was_not_cleaned)
{
    static const unsigned orders[] = {0, 3, 6, 7, 9};

    for (unsigned k = 0; k < ARRAY_SIZE(orders); k++) {
        struct folio *f = folio_alloc(orders[k], 0);
        struct vma vma = {.prot = RX};
        struct mm *mm = mm_create();
        size_t pages = folio_nr_pages(f), per_bit = pages > 64 ? pages / 64 : 1;
        vma.mm = mm;
        for (unsigned round = 0; round < 6; round++) {
            size_t first = test_rand() % pages, nr = 1 + test_rand() % (pages - first);
            u64 bytes = test_count(COUNTER_ICACHE_BYTES);
            flush_dcache_folio(f);
            EXPECT_EQ(f->clean, 0);
            flush_icache_pages(&vma, f->pfn + first, (unsigned)nr);
            bytes = test_count(COUNTER_ICACHE_BYTES) - bytes;
            EXPECT_EQ((u64)__builtin_popcountl(f->clean) * PAGES(per_bit), bytes);
            for (size_t i = first; i < first + nr && !ICACHE_COHERENT; i++)
                if (!(f->clean >> (i / per_bit) & 1))
                    test_fail(__FILE__, __LINE__, "page %lu was mapped executable and isn't clean",
                              i);
        }
        mm_put(mm);
        folio_put(f);
    }
}

TEST(cacheflush, a_store_by_the_kernel_makes_its_page_unclean)
{
    struct code c;

    code_open(&c, 4);
    show(&c, c.mm, 0, 16, RX);
    flush_dcache_page(c.folio->pfn + 5);
    EXPECT_EQ(c.folio->clean, NEEDED(0xffffUL & ~(1UL << 5)));
    u64 before = test_count(COUNTER_ICACHE_CLEAN);
    struct mm *other = mm_create();
    show(&c, other, 0, 16, RX);
    EXPECT_EQ(test_count(COUNTER_ICACHE_CLEAN) - before, NEEDED(1));
    flush_dcache_folio(c.folio);
    EXPECT_EQ(c.folio->clean, 0);
    mm_put(other);
    code_close(&c);
}

TEST(cacheflush, a_recycled_folio_starts_unclean)
{
    struct code c;

    code_open(&c, 4);
    show(&c, c.mm, 0, 16, RX);
    code_close(&c);
    struct folio *f = folio_alloc(4, 0);
    EXPECT_EQ(f->clean, 0);
    folio_put(f);
}

TEST(cacheflush, maintenance_comes_before_the_entry)
{
    struct code c;

    if (ICACHE_COHERENT)
        SKIP("nothing to maintain");
    code_open(&c, 2);
    unsigned long start = mm_event_next;
    show(&c, c.mm, 0, 4, RX);
    unsigned long clean = 0, set = 0;
    for (unsigned long n = start; n < mm_event_next; n++) {
        const struct mm_event_record *e = &mm_events[n % MM_EVENT_RING];
        if (e->kind == MM_EVENT_ICACHE_CLEAN && e->a == c.folio->pfn)
            clean = n;
        if (e->kind == MM_EVENT_ENTRY_SET && e->b == c.folio->pfn)
            set = n;
    }
    EXPECT(clean && set && clean < set);
    code_close(&c);
}

TEST(cacheflush, becoming_executable_by_protection_is_maintained_too)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    EXPECT_COUNT(COUNTER_ICACHE_CLEAN, 0);
    EXPECT_EQ(mm_protect(mm, addr, PAGES(16), RX), 0);
    EXPECT(ICACHE_COHERENT ? test_count(COUNTER_ICACHE_CLEAN) == 0
                                : test_count(COUNTER_ICACHE_BYTES) >= PAGES(16));
    EXPECT(pte_exec(mm_lookup(mm, addr)));
    mm_put(mm);
}

TEST(cacheflush, code_that_a_program_wrote_is_synchronised_on_request)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(4), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(2), ACCESS_WRITE), 0);
    u64 gen = mm->need_gen;
    EXPECT_EQ(mm_cache_sync(mm, addr + 100, PAGES(1)), 0);
    EXPECT_EQ(test_count(COUNTER_ICACHE_BYTES), NEEDED(PAGES(1)));
    EXPECT_EQ(mm->need_gen > gen, ARCH_ICACHE_LOCAL_FENCE);
    EXPECT_EQ(mm_cache_sync(mm, USER_TOP, 1), -EINVAL);
    EXPECT_EQ(mm_cache_sync(mm, ~0UL, 2), -EINVAL);
    mm_put(mm);
}

/* A page is written through another mapping, and then mapped here by a thread whose maintenance came before the
 * store. */
TEST(cacheflush, a_shared_page_is_synchronised_though_nothing_maps_it_here_yet)
{
    struct code c;
    vaddr_t addr = 0;

    code_open(&c, 2);
    ASSERT_EQ(mm_map(c.mm, &addr, PAGES(4), RX, MAP_SHARED, c.obj, 0), 0);
    EXPECT_EQ(mm_cache_sync(c.mm, addr + PAGES(1) + 8, 100), 0);
    EXPECT_EQ(test_count(COUNTER_ICACHE_BYTES), NEEDED(100));
    code_close(&c);
}

TEST(cacheflush, a_cpu_fences_once_for_each_generation)
{
    struct mm *mm = mm_create();

    if (!ARCH_ICACHE_LOCAL_FENCE) {
        mm_put(mm);
        SKIP("no CPU has a part of its own here");
    }
    flush_icache_range(mm, (vaddr_t)pfn_address(memory.end - 1),
                       (vaddr_t)pfn_address(memory.end - 1) + 64);
    bool irq = irq_save();
    icache_enter_user(mm);
    EXPECT(this_cpu()->fenced_gen >= mm->need_gen);
    icache_enter_user(mm);
    irq_restore(irq);
    EXPECT_EQ(test_count(COUNTER_ICACHE_FENCE), 1);
    mm_put(mm);
}

/* --- other CPUs ------------------------------------------------------------------------ */
struct runner {
    struct mm *mm;
    u32 runs, stop;
};

/* Behave as if a thread of the address space ran here, with interrupts on. */
static void run_for_a_while(void *arg)
{
    struct runner *r = arg;

    mm_activate(r->mm);
    __atomic_store_n(&r->runs, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&r->stop, __ATOMIC_ACQUIRE))
        jitter();
    mm_activate(NULL);
}

TEST(cacheflush, synchronising_waits_for_the_cpus_that_run_the_code_and_asks_no_other)
{
    struct runner now = {.mm = mm_create()}, earlier = {.mm = now.mm, .stop = 1};
    struct crew crew = {0};

    if (nr_cpus < 3) {
        mm_put(now.mm);
        SKIP("wants CPUs that run the address space, ran it and never did");
    }
    crew_start(&crew, 2, run_for_a_while, &earlier);
    crew_wait(&crew); /* CPU 2 may still have translations, but it checks its generation before it runs mm again */
    crew_start(&crew, 1, run_for_a_while, &now);
    while (!__atomic_load_n(&now.runs, __ATOMIC_ACQUIRE))
        jitter();
    for (unsigned i = 1; i <= 5; i++) {
        flush_icache_range(now.mm, (vaddr_t)pfn_address(memory.end - 1), (vaddr_t)pfn_address(memory.end - 1) + 64);
        EXPECT_EQ(test_count(COUNTER_ICACHE_REMOTE), ARCH_ICACHE_LOCAL_FENCE ? i : 0);
        EXPECT(cpu_area(1)->fenced_gen >= now.mm->need_gen); /* now, and not later */
    }
    __atomic_store_n(&now.stop, 1, __ATOMIC_RELEASE);
    crew_wait(&crew);
    mm_put(now.mm);
}

TEST(cacheflush, many_pages_are_synchronised_by_one_message)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(64), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(64), ACCESS_WRITE), 0);
    u64 gen = mm->need_gen;
    EXPECT_EQ(mm_cache_sync(mm, addr, PAGES(64)), 0);
    EXPECT_EQ(test_count(COUNTER_ICACHE_BYTES), NEEDED(PAGES(64)));
    u64 first = mm->need_gen;
    EXPECT_EQ(mm_cache_sync(mm, addr, PAGES(64)), 0);
    EXPECT_EQ(mm->need_gen - first, ARCH_ICACHE_LOCAL_FENCE ? 1 : 0);
    EXPECT_EQ(mm->need_gen > gen, ARCH_ICACHE_LOCAL_FENCE);
    mm_put(mm);
}

TEST(cacheflush, one_line_costs_one_line)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    EXPECT_EQ(mm_cache_sync(mm, addr + PAGES(3) + 64, 64), 0);
    EXPECT_EQ(test_count(COUNTER_ICACHE_CLEAN), NEEDED(1));
    EXPECT_EQ(test_count(COUNTER_ICACHE_BYTES), NEEDED(64));
    EXPECT_COUNT(COUNTER_ICACHE_REMOTE, 0); /* no CPU runs it */
    EXPECT_EQ(mm_cache_sync(mm, addr + PAGES(1) - 4, 8), 0); /* across the end of a page */
    EXPECT_EQ(test_count(COUNTER_ICACHE_BYTES), NEEDED(64 + 8));
    mm_put(mm);
}

TEST(cacheflush, whoever_takes_up_an_address_space_looks_at_its_code)
{
    struct mm *mm = mm_create();
    bool irq = irq_save(), before = this_cpu()->user_work;

    this_cpu()->user_work = false;
    mm_activate(mm);
    bool looks = this_cpu()->user_work;
    mm_activate(NULL);
    this_cpu()->user_work = before;
    irq_restore(irq);
    EXPECT(looks); /* otherwise a guest that is entered without a switch of threads could run stale code */
    mm_put(mm);
}

TEST(cacheflush, the_first_executable_fault_in_256_mib_cleans_only_what_it_maps)
{
    struct code c;

    c.folio = folio_alloc(16, 0);
    if (!c.folio)
        SKIP("no 256 MiB in one piece");
    c.obj = memobj_create(MEMOBJ_BACKED, 1UL << 16, NULL);
    c.mm = mm_create();
    ASSERT(c.obj && c.mm);
    ASSERT_EQ(memobj_add_folio(c.obj, 0, c.folio), 0);
    vaddr_t addr = 0;
    ASSERT_EQ(mm_map(c.mm, &addr, PAGES(1UL << 16), RX, MAP_SHARED, c.obj, 0), 0);
    ASSERT_EQ(mm_fault(c.mm, addr + PAGES(12345), ACCESS_READ), 0);
    /* A bit of the map stands for 4 MiB here; one fault maps at most a block of 2 MiB. */
    EXPECT(test_count(COUNTER_ICACHE_BYTES) <= NEEDED(4 * MiB));
    EXPECT_EQ(__builtin_popcountl(c.folio->clean), NEEDED(1));
    u64 before = test_count(COUNTER_ICACHE_CLEAN);
    ASSERT_EQ(mm_fault(c.mm, addr + PAGES(12346), ACCESS_READ), 0);
    EXPECT_EQ(test_count(COUNTER_ICACHE_CLEAN), before);
    code_close(&c);
}

TEST(cacheflush, coherent_machines_pay_nothing)
{
    struct code c;

    if (!ICACHE_COHERENT)
        SKIP("this machine's caches need maintenance");
    code_open(&c, 4);
    show(&c, c.mm, 0, 16, RX);
    flush_dcache_folio(c.folio);
    flush_icache_range(c.mm, (vaddr_t)folio_address(c.folio), (vaddr_t)folio_address(c.folio) + PAGES(1));
    bool irq = irq_save();
    icache_enter_user(c.mm);
    irq_restore(irq);
    EXPECT_COUNT(COUNTER_ICACHE_CLEAN, 0);
    EXPECT_COUNT(COUNTER_ICACHE_BYTES, 0);
    EXPECT_COUNT(COUNTER_ICACHE_FENCE, 0);
    EXPECT_COUNT(COUNTER_ICACHE_REMOTE, 0);
    code_close(&c);
}
