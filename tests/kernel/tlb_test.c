/* SPDX-License-Identifier: MIT */
/*
 * Nothing is freed before every CPU that may hold a translation has flushed it. The order of events decides (events.c),
 * because the machine hides most missing flushes. Also tests of address space identifiers.
 */
#include "helpers.h"
#include <quire/block.h>
#include <quire/hole.h>
#include <quire/mm_event.h>
#include <quire/rmap.h>
#include <quire/messages.h>
#include <quire/tlb.h>

#define RW       (PROT_READ | PROT_WRITE)
#define PAGES(n) ((n)*PAGE_SIZE)

static struct mm *touched(size_t len)
{
    struct mm *mm = mm_create();
    ASSERT(mm != NULL);
    vaddr_t addr = map_anonymous(mm, len, RW);
    ASSERT_EQ(touch_range(mm, addr, len, ACCESS_WRITE), 0);
    seem_active_everywhere(mm);
    return mm;
}

TEST(tlb, unmapping_flushes_before_frames_and_tables_go)
{
    struct mm *mm = touched(PAGES(160));

    events_start();
    EXPECT_EQ(mm_unmap(mm, TEST_BASE, PAGES(100)), 0);
    EXPECT_EQ(mm_unmap(mm, TEST_BASE, PAGES(160)), 0);
    EXPECT(events_check() >= 10 + 1);
    mm_put(mm);
}

TEST(tlb, dontneed_flushes_before_frames_go)
{
    struct mm *mm = touched(PAGES(64));

    events_start();
    EXPECT_EQ(mm_madvise(mm, TEST_BASE + PAGES(3), PAGES(40), MADV_DONTNEED), 0);
    EXPECT(events_check() >= 1);
    mm_put(mm);
}

TEST(tlb, the_end_of_an_address_space_flushes_before_anything_goes)
{
    struct mm *mm = touched(PAGES(64));

    events_start();
    mm_put(mm);
    EXPECT(events_check() >= 4 + 1);
}

TEST(tlb, replacing_a_mapping_flushes_before_the_old_frames_go)
{
    struct mm *mm = touched(PAGES(32));
    vaddr_t addr = TEST_BASE;

    events_start();
    EXPECT_EQ(mm_map(mm, &addr, PAGES(32), PROT_READ, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    EXPECT(events_check() >= 2);
    mm_put(mm);
}

TEST(tlb, copy_on_write_flushes_before_the_old_page_goes)
{
    struct mm *mm = touched(PAGES(1)), *child = mm_clone(mm);

    seem_active_everywhere(child);
    struct folio *pin = pfn_folio_get(mapped_frame(mm, TEST_BASE));
    mm_put(mm);
    events_start();
    EXPECT_EQ(touch_range(child, TEST_BASE, PAGES(1), ACCESS_WRITE), 0);
    folio_put(pin); /* now it goes */
    EXPECT_EQ(events_check(), 1);
    mm_put(child);
}

/* addr got another frame: between clearing its entry and setting it again there must be a complete flush. */
static void expect_flushed_between(unsigned long start, vaddr_t addr)
{
    unsigned long clear = 0, begin = 0, end = 0, set = 0;

    for (unsigned long n = start; n < mm_event_next; n++) {
        const struct mm_event_record *e = &mm_events[n % MM_EVENT_RING];
        bool here = addr - e->a < e->c * PAGE_SIZE;
        if (e->kind == MM_EVENT_ENTRY_CLEAR && here)
            clear = n + 1;
        else if (e->kind == MM_EVENT_FLUSH_BEGIN && clear)
            begin = n + 1;
        else if (e->kind == MM_EVENT_FLUSH_END && begin)
            end = n + 1;
        else if (e->kind == MM_EVENT_ENTRY_SET && here)
            set = n + 1;
    }
    if (!(clear && clear < begin && begin < end && end < set))
        test_fail(__FILE__, __LINE__, "cleared by event %lu, flushed by %lu to %lu, set by %lu: not one after the other", clear,
                  begin, end, set);
}

TEST(tlb, a_page_is_replaced_only_after_no_cpu_reads_it)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, PAGES(16), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_READ), 0); /* zeros */
    seem_active_everywhere(mm);
    unsigned long start = mm_event_next;
    ASSERT_EQ(mm_fault(mm, addr + PAGES(3), ACCESS_WRITE), 0);
    expect_flushed_between(start, addr + PAGES(3));
    ASSERT_EQ(touch_range(mm, addr, PAGES(16), ACCESS_WRITE), 0);
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    start = mm_event_next;
    ASSERT_EQ(mm_fault(mm, addr + PAGES(5), ACCESS_WRITE), 0); /* a copy */
    expect_flushed_between(start, addr + PAGES(5));
    mm_put(child);
    mm_put(mm);
}

TEST(tlb, a_block_becomes_pages_only_after_no_cpu_holds_it)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, BLOCK_BYTES, RW);

    ASSERT_EQ(mm_madvise(mm, addr, BLOCK_BYTES, MADV_HUGEPAGE), 0);
    ASSERT_EQ(mm_fault(mm, addr, ACCESS_WRITE), 0);
    if (!block_at(&mm->root, addr)) {
        mm_put(mm);
        SKIP("no blocks here");
    }
    seem_active_everywhere(mm);
    unsigned long start = mm_event_next;
    block_split(mm, addr, block_at(&mm->root, addr));
    expect_flushed_between(start, addr);
    mm_put(mm);
}

TEST(tlb, punching_a_mapped_folio_flushes_each_address_space)
{
    struct mm *mm = touched(PAGES(16)), *child = mm_clone(mm);
    struct folio *f = pfn_folio_get(mapped_frame(mm, TEST_BASE));
    struct insecure_mem *h;

    seem_active_everywhere(child);
    events_start();
    u64 before = test_count(COUNTER_FLUSH_LOCAL);
    ASSERT_EQ(folio_punch_hole(f, 4, 4, HOLE_INSECURE, &h), 0);
    EXPECT(test_count(COUNTER_FLUSH_LOCAL) >= before + 2);
    events_check();
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(f);
    mm_put(mm);
    mm_put(child);
}

TEST(tlb, a_clone_takes_write_permission_back_on_all_cpus)
{
    struct mm *mm = touched(PAGES(16));
    u64 before = test_count(COUNTER_FLUSH_OPERATIONS);
    struct mm *child = mm_clone(mm);

    EXPECT(test_count(COUNTER_FLUSH_OPERATIONS) > before);
    mm_put(child);
    mm_put(mm);
}

TEST(tlb, an_address_space_that_never_ran_asks_nobody)
{
    struct mm *mm = mm_create();

    map_anonymous(mm, PAGES(16), RW);
    ASSERT_EQ(touch_range(mm, TEST_BASE, PAGES(16), ACCESS_WRITE), 0);
    EXPECT_EQ(mm_unmap(mm, TEST_BASE, PAGES(16)), 0);
    EXPECT_EQ(test_count(COUNTER_FLUSH_REMOTE), 0);
    mm_put(mm);
}

TEST(tlb, a_gather_puts_what_it_gathered_and_can_be_used_again)
{
    struct mm *mm = mm_create();
    struct folio *f = folio_alloc(0, 0);
    struct tlb_gather g;

    tlb_gather_begin(&g, mm);
    for (unsigned round = 0; round < 3; round++) {
        folio_get_many(f, 5);
        folio_add_mappings(f, 5);
        tlb_gather_folio(&g, f, 2);
        tlb_gather_folio(&g, f, 3);
        EXPECT_EQ(g.nr_folios, 2);
        EXPECT_EQ(folio_ref_count(f), 6);
        tlb_gather_range(&g, TEST_BASE, 5);
        tlb_gather_end(&g);
        EXPECT_EQ(folio_ref_count(f), 1);
        EXPECT_EQ(folio_map_count(f), 0);
        EXPECT_EQ(g.nr_folios, 0);
    }
    folio_put(f);
    mm_put(mm);
}

TEST(tlb, kernel_addresses_are_flushed_on_every_cpu)
{
    u64 before = test_count(COUNTER_FLUSH_LOCAL);
    unsigned online = 0;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        online += cpu_area(cpu)->online;
    tlb_flush_kernel_range(KVMAP_BASE, 1);
    EXPECT_EQ(test_count(COUNTER_FLUSH_LOCAL) - before, ARCH_TLB_BROADCAST ? 1 : online);
}

static void flush_much(void *arg)
{
    for (unsigned i = 0; i < 20; i++) {
        jitter();
        tlb_flush_range(arg, TEST_BASE, 1 + i % 3);
    }
}

TEST(tlb, cpus_that_flush_at_once_do_not_wait_for_each_other_for_ever)
{
    struct crew crew = {0};
    struct mm *mm = touched(PAGES(4));

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, flush_much, mm);
    crew_wait(&crew);
    mm_put(mm);
}

/* --- ASIDs ----------------------------------------------------------------------------- */
#define NR_ROOTS 12

static struct {
    struct mm *mm[NR_ROOTS];
    struct mm *on[MAX_CPUS]; /* loaded on that CPU, until it is NULL again */
    u32 duplicates, rounds;
} asids;

static void expect_unique(const struct mm *mine)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        struct mm *other = __atomic_load_n(&asids.on[cpu], __ATOMIC_SEQ_CST);
        if (!other || other == mine || other->root.asid != mine->root.asid)
            continue;
        if (__atomic_load_n(&asids.on[cpu], __ATOMIC_SEQ_CST) ==
            other) /* two loaded roots with one number */
            __atomic_fetch_add(&asids.duplicates, 1, __ATOMIC_RELAXED);
    }
}

static void load_many(void *arg)
{
    unsigned self = this_cpu()->cpu, step = (unsigned)(u64)arg;

    for (unsigned i = 0; i < asids.rounds; i++) {
        struct mm *mm = asids.mm[(i * step + self) % NR_ROOTS];
        jitter();
        bool irq = irq_save();
        mm_activate(mm);
        __atomic_store_n(&asids.on[self], mm, __ATOMIC_SEQ_CST);
        expect_unique(mm);
        spend(i % 7 * 30);
        shootdown_serve();
        expect_unique(mm);
        __atomic_store_n(&asids.on[self], NULL, __ATOMIC_SEQ_CST);
        mm_activate(NULL);
        irq_restore(irq);
    }
}

TEST(tlb, asids_that_run_out_are_never_two_roots_at_once)
{
    struct crew crew = {0};

    if (!ARCH_ASID_BITS)
        SKIP("this machine has no ASIDs");
    asids.duplicates = 0;
    asids.rounds = 60;
    for (unsigned i = 0; i < NR_ROOTS; i++)
        ASSERT((asids.mm[i] = mm_create()) != NULL);
    asid_test_limit(2 * nr_cpus + 2);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, load_many, (void *)(u64)(cpu + 1));
    crew_wait(&crew);
    asid_test_limit(0);
    EXPECT_EQ(asids.duplicates, 0);
    EXPECT(test_count(COUNTER_ASID_ROLLOVER) > 0);
    for (unsigned i = 0; i < NR_ROOTS; i++)
        mm_put(asids.mm[i]);
}

/*
 * On one CPU: all roots that were loaded since the generation began have different numbers, none of them 0.
 */
TEST(tlb, every_root_of_a_generation_has_its_own_number)
{
    if (!ARCH_ASID_BITS)
        SKIP("this machine has no ASIDs");
    struct mm *mm[NR_ROOTS];
    u64 limit = 2 * nr_cpus + 2;

    asid_test_limit(limit);
    for (unsigned i = 0; i < NR_ROOTS; i++)
        ASSERT((mm[i] = mm_create()) != NULL);
    for (unsigned i = 0; i < 5 * NR_ROOTS; i++) {
        struct mm *now = mm[(i * 5) % NR_ROOTS];
        bool irq = irq_save();
        mm_activate(now);
        EXPECT(now->root.asid > 0 && now->root.asid < limit);
        for (unsigned k = 0; k < NR_ROOTS; k++)
            if (mm[k] != now && mm[k]->root.generation == now->root.generation)
                EXPECT(mm[k]->root.asid != now->root.asid);
        mm_activate(NULL);
        irq_restore(irq);
    }
    asid_test_limit(0);
    for (unsigned i = 0; i < NR_ROOTS; i++)
        mm_put(mm[i]);
}

/* Use up numbers until a new generation has begun. */
static void begin_generation(struct mm **mm)
{
    u64 before = mm[0]->root.generation;

    for (unsigned i = 0; i < 4 * NR_ROOTS && mm[0]->root.generation == before; i++) {
        bool irq = irq_save();
        mm_activate(mm[i % NR_ROOTS]);
        mm_activate(NULL);
        irq_restore(irq);
    }
}

static u32 quiet_over;

/* Kernel code isn't preempted: this CPU loads nothing meanwhile. */
static void load_nothing(void *unused)
{
    (void)unused;
    while (!__atomic_load_n(&quiet_over, __ATOMIC_ACQUIRE))
        cpu_relax();
}

/*
 * Another CPU has announced a root but not loaded it yet, when the numbers run out on this CPU.
 */
TEST(tlb, a_number_about_to_be_loaded_is_kept_but_not_one_of_an_older_generation)
{
    if (!ARCH_ASID_BITS || nr_cpus == 1)
        SKIP("needs ASIDs and two CPUs");
    struct mm *mm[NR_ROOTS], *loading = mm_create(), *stale = mm_create();
    struct percpu *other = cpu_area(1);
    struct crew crew = {0};
    bool irq;

    quiet_over = 0;
    crew_start(&crew, 1, load_nothing, NULL);
    crew_wait_started(&crew);

    asid_test_limit(2 * nr_cpus + 2);
    for (unsigned i = 0; i < NR_ROOTS; i++)
        ASSERT((mm[i] = mm_create()) != NULL);
    irq = irq_save();
    mm_activate(stale);
    mm_activate(NULL);
    irq_restore(irq);
    begin_generation(mm);
    irq = irq_save();
    mm_activate(loading);
    mm_activate(NULL);
    irq_restore(irq);
    u64 asid = loading->root.asid;
    __atomic_store_n(&other->loading_mm, loading, __ATOMIC_SEQ_CST);
    begin_generation(mm);
    for (unsigned i = 0; i < NR_ROOTS; i++)
        if (mm[i]->root.generation == loading->root.generation)
            EXPECT(mm[i]->root.asid != asid);
    EXPECT_EQ(loading->root.asid, asid);
    EXPECT_EQ(loading->root.generation, mm[0]->root.generation);
    __atomic_store_n(&other->loading_mm, stale, __ATOMIC_SEQ_CST);
    begin_generation(mm);
    EXPECT(stale->root.generation != mm[0]->root.generation);
    __atomic_store_n(&other->loading_mm, NULL, __ATOMIC_SEQ_CST);
    __atomic_store_n(&quiet_over, 1, __ATOMIC_RELEASE);
    crew_wait(&crew);
    asid_test_limit(0);
    for (unsigned i = 0; i < NR_ROOTS; i++)
        mm_put(mm[i]);
    mm_put(loading);
    mm_put(stale);
}

/* Bug 2: an inner batch that ends the outer one. */
TEST(tlb, a_range_over_several_tables_is_flushed_once)
{
    struct mm *mm = mm_create();
    ASSERT(mm);
    vaddr_t base = map_anonymous(mm, 4 * pt_span(1), PROT_READ | PROT_WRITE);

    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 4; i++)
            ASSERT_EQ(mm_fault(mm, base + i * pt_span(1) + 3 * PAGE_SIZE, ACCESS_WRITE), 0);
        seem_active_everywhere(mm);
        u64 before = test_count(COUNTER_FLUSH_OPERATIONS);
        if (round == 0)
            EXPECT_EQ(mm_protect(mm, base, 4 * pt_span(1), PROT_READ), 0);
        else if (round == 1)
            EXPECT_EQ(mm_madvise(mm, base, 4 * pt_span(1), MADV_COLD), 0);
        else
            EXPECT_EQ(mm_madvise(mm, base, 4 * pt_span(1), MADV_DONTNEED), 0);
        EXPECT_EQ(test_count(COUNTER_FLUSH_OPERATIONS) - before, 1);
        if (round == 0)
            EXPECT_EQ(mm_protect(mm, base, 4 * pt_span(1), PROT_READ | PROT_WRITE), 0);
    }
    mm_put(mm);
}
