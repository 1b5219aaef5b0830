/* SPDX-License-Identifier: MIT */
/*
 * Tests that go wrong on purpose, each in its own way. They are only in the harness builds; tests/harness/expected.txt
 * says how each must be reported.
 */
#include <quire/console.h>
#include <quire/folio.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/spinlock.h>
#include <quire/test.h>
#include <quire/thread.h>
#include <arch-generic/machine.h>

#define FOR_EVER()                                                                                 \
    for (;;)                                                                                       \
    __asm__ volatile("" ::: "memory")

static spinlock_t lock = SPINLOCK_INIT;

TEST(harness, passes)
{
    EXPECT_EQ(1 + 1, 2);
    EXPECT_NE(1 + 1, 3);
    ASSERT_NE(-1, 1);
}

TEST(harness, skips) { SKIP("on purpose"); }

TEST(harness, fails)
{
    EXPECT(1 > 2);
    EXPECT_EQ(6 * 7, 54);
}

TEST(harness, fails_and_stops)
{
    ASSERT_EQ(2 + 2, 5);
    panic("an ASSERT that failed lets the test go on");
}

TEST(harness, fails_to_differ) { EXPECT_NE(6 * 7, 42); }

TEST(harness, fails_to_differ_and_stops)
{
    ASSERT_NE(2 + 2, 4);
    panic("an ASSERT that failed lets the test go on");
}

/* Not a null pointer: on one machine the kernel can read address 0, where the interrupt vectors are. */
TEST(harness, reads_nowhere)
{
    volatile const int *volatile nowhere = (const int *)0x1234567000;
    EXPECT_EQ(*nowhere, 0);
}

TEST(harness, writes_null)
{
    volatile int *volatile nothing = NULL;
    *nothing = 1;
}

TEST(harness, faults_holding_a_lock)
{
    volatile int *volatile nothing = NULL;

    spin_lock(&lock);
    *nothing = 1;
}

TEST(harness, panics) { panic("a panic on purpose"); }

static void panics_beside(void *unused) { panic("a panic in a helper thread"); }

TEST(harness, panics_in_a_helper)
{
    struct thread *helper = thread_create("helper", NULL, PRIORITY_USER, panics_beside, NULL);

    ASSERT(helper != NULL);
    thread_start(helper);
    FOR_EVER();
}

TEST(harness, computes_for_ever) { FOR_EVER(); }

TEST(harness, waits_for_ever)
{
    for (;;)
        thread_sleep_until(arch_clock_ns() + 1000000000000);
}

TEST(harness, hangs_holding_a_lock)
{
    spin_lock(&lock);
    FOR_EVER();
}

TEST(harness, hangs_with_interrupts_off)
{
    arch_irq_disable();
    FOR_EVER();
}

TEST(harness, returns_holding_a_lock) { spin_lock(&lock); }

TEST(harness, leaks_a_folio) { EXPECT(folio_alloc(0, 0) != NULL); }

TEST(harness, powers_off) { machine_poweroff(0); }

TEST(harness, dies_without_a_word) { arch_poweroff(0); }

TEST(harness, forges_a_later_verdict) { kprintf("ok 9999 harness.forged\n"); }

TEST(harness, forges_a_second_plan) { kprintf("KTAP version 1\n1..1\n"); }

#define DEEP_BYTES 1024
#pragma GCC diagnostic ignored "-Winfinite-recursion"
static int __noinline deeper(int depth)
{
    volatile char room[DEEP_BYTES];

    room[depth % DEEP_BYTES] = (char)depth;
    return deeper(depth + 1) + room[depth % DEEP_BYTES];
}

TEST(harness, overflows_its_stack) { EXPECT(deeper(0)); }

/* --- bugs that only a walk from outside sees --- */
#define HARNESS_PAGES 16
static struct mm *walked_mm(vaddr_t *addr)
{
    struct mm *mm = mm_create();

    *addr = 0;
    ASSERT(mm && mm_map(mm, addr, HARNESS_PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, NULL, 0) == 0);
    ASSERT_EQ(mm_fault(mm, *addr, ACCESS_WRITE), 0);
    return mm;
}

TEST(harness, is_walked_and_fine)
{
    vaddr_t addr;
    struct mm *mm = walked_mm(&addr);

    test_checkpoint("all is well");
    mm_put(mm);
}

TEST(harness, counts_a_mapping_too_many)
{
    vaddr_t addr;
    struct mm *mm = walked_mm(&addr);
    struct folio *f = mapped_folio(pte_pfn(mm_lookup(mm, addr)));

    folio_get(f);
    folio_add_mappings(f, 1);
    test_checkpoint("one mapping too many");
    folio_remove_mappings(f, 1);
    folio_put(f);
    mm_put(mm);
}

TEST(harness, maps_a_free_frame)
{
    vaddr_t addr;
    struct mm *mm = walked_mm(&addr);
    struct folio *free = folio_alloc(9, 0);
    unsigned level;
    pte_t *entry = pt_walk(&mm->root, addr, &level), before = pte_load(entry);

    pfn_t pfn = free->pfn + 300; /* in the middle of a large free block, so it isn't allocated soon */
    folio_put(free);
    pte_store(entry, pfn_pte(pfn, PGPROT_USER | PGPROT_READ));
    test_checkpoint("a free frame is mapped");
    pte_store(entry, before);
    mm_put(mm);
}

static bool undone;
static void undo(void *count)
{
    thread_sleep_until(arch_clock_ns() + 1300000);
    __atomic_fetch_sub((u32 *)count, 1, __ATOMIC_RELAXED);
    undone = true;
}

/* An inconsistency that exists only during a change is no complaint. */
TEST(harness, is_in_the_middle_of_a_change)
{
    vaddr_t addr;
    struct mm *mm = walked_mm(&addr);
    struct folio *f = mapped_folio(pte_pfn(mm_lookup(mm, addr)));

    folio_get(f);
    folio_add_mappings(f, 1);
    undone = false;
    struct thread *t = thread_create("undo", NULL, PRIORITY_USER, undo, &f->map_count);
    ASSERT(t != NULL);
    thread_start(t);
    test_checkpoint("a change is under way");
    EXPECT(undone);
    folio_put(f);
    mm_put(mm);
}

/* The last test of the file: it runs whatever happened before. */
TEST(harness, passes_behind_all_of_them) { EXPECT_EQ(2 + 2, 4); }
