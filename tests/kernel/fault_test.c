/* SPDX-License-Identifier: MIT */
/*
 * Faults: the page of zeros, large folios after fork, objects. The runner compares frames and kernel objects before and
 * after; the tests here look at mappings and counters. Holes are in fault_hole_test.c, stacks in
 * stack_test.c.
 */
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/poison.h>
#include <quire/quota.h>
#include "helpers.h"

#define RW       (PROT_READ | PROT_WRITE)
#define PAGES(n) ((size_t)(n) * PAGE_SIZE)
#define BLOCK    16 /* pages of a default folio */

/* --- the page of zeros ----------------------------------------------------------------- */
TEST(fault, reading_untouched_memory_costs_no_frame)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, 2 * MiB, RW);
    u64 folios = test_count(COUNTER_FOLIO_ALLOC);

    EXPECT_EQ(touch_range(mm, addr, 2 * MiB, ACCESS_READ), 0);
    EXPECT_EQ(test_count(COUNTER_FOLIO_ALLOC), folios);
    EXPECT_EQ(zeros(mm, addr, 512), 512);
    EXPECT_EQ(mm->nr_mapped, 0);
    EXPECT_EQ(test_count(COUNTER_FAULT_ZERO), 32); /* a block at a time */
    for (unsigned i = 0; i < 512; i++)
        EXPECT(!writable(mm, addr + PAGES(i)));
    EXPECT_EQ(*(u64 *)pfn_address(zero_pfn), 0);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, a_write_replaces_zeros_by_a_folio_of_default_size)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(2 * BLOCK), RW);

    EXPECT_EQ(touch_range(mm, addr, PAGES(2 * BLOCK), ACCESS_READ), 0);
    seem_active_everywhere(mm);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(5), ACCESS_WRITE), 0);
    EXPECT_EQ(zeros(mm, addr, BLOCK), 0);
    EXPECT_EQ(zeros(mm, addr + PAGES(BLOCK), BLOCK), BLOCK);
    EXPECT_EQ(mm->nr_mapped, BLOCK);
    pfn_t first = mapped_frame(mm, addr);
    for (unsigned i = 0; i < BLOCK; i++) {
        EXPECT_EQ(mapped_frame(mm, addr + PAGES(i)), first + i);
        EXPECT(writable(mm, addr + PAGES(i)));
        EXPECT_EQ(*user_byte(mm, addr + PAGES(i)), 0);
    }
    *user_byte(mm, addr + PAGES(5)) = 7;
    EXPECT_EQ(*(u64 *)pfn_address(zero_pfn), 0);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, zeros_beside_written_pages_are_replaced_one_by_one)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(mm_madvise(mm, addr, PAGES(BLOCK), MADV_NOHUGEPAGE), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(3), ACCESS_WRITE), 0);
    *user_byte(mm, addr + PAGES(3)) = 3;
    EXPECT_EQ(mm_fault(mm, addr, ACCESS_READ), 0);
    EXPECT_EQ(zeros(mm, addr, BLOCK), BLOCK - 1); /* around the page that has a frame */
    EXPECT_EQ(*user_byte(mm, addr + PAGES(3)), 3);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(4), ACCESS_WRITE), 0);
    EXPECT_EQ(zeros(mm, addr, BLOCK), BLOCK - 2);
    EXPECT_EQ(mm_madvise(mm, addr, PAGES(BLOCK), MADV_HUGEPAGE), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(5), ACCESS_WRITE), 0); /* two pages have frames: no block */
    EXPECT_EQ(mm->nr_mapped, 3);
    EXPECT_EQ(*user_byte(mm, addr + PAGES(3)), 3);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, zeros_survive_fork_protection_and_unmapping_and_are_never_freed)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);
    memdesc_t word = memdesc_read(zero_pfn);

    EXPECT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_READ), 0);
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    EXPECT_EQ(zeros(child, addr, BLOCK), BLOCK);
    EXPECT_EQ(child->nr_mapped, 0);
    EXPECT_EQ(touch_range(child, addr, PAGES(1), ACCESS_WRITE), 0);
    *user_byte(child, addr) = 9;
    EXPECT_EQ(*user_byte(mm, addr), 0);
    EXPECT_EQ(mm_protect(mm, addr, PAGES(BLOCK), PROT_READ), 0);
    EXPECT_EQ(mm_protect(mm, addr, PAGES(BLOCK), RW), 0);
    EXPECT_EQ(zeros(mm, addr, BLOCK), BLOCK);
    EXPECT_EQ(mm_unmap(mm, addr + PAGES(2), PAGES(3)), 0);
    EXPECT_EQ(zeros(mm, addr, BLOCK), BLOCK - 3);
    check_address_space(mm);
    check_address_space(child);
    mm_put(mm);
    mm_put(child);
    EXPECT_EQ(memdesc_read(zero_pfn), word);
    EXPECT_EQ(memdesc_misc(word), MISC_ZERO);
    EXPECT_EQ(memory_failure(zero_pfn), -EBUSY);
}

TEST(fault, executable_memory_never_shows_the_zero_page)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), PROT_READ | PROT_EXEC);

    EXPECT_EQ(mm_fault(mm, addr, ACCESS_READ), 0);
    EXPECT_EQ(zeros(mm, addr, BLOCK), 0);
    EXPECT_EQ(mm->nr_mapped, 1);
    check_address_space(mm);
    mm_put(mm);
}

/* --- copy-on-write of large folios ----------------------------------------------------- */
TEST(fault, a_folio_that_is_ours_alone_again_becomes_writable_in_one_fault)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    pfn_t first = mapped_frame(mm, addr);
    mm_put(mm_clone(mm));
    for (unsigned i = 0; i < BLOCK; i++)
        EXPECT(!writable(mm, addr + PAGES(i)));
    u64 reused = test_count(COUNTER_FAULT_REUSE);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(6), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < BLOCK; i++) {
        EXPECT(writable(mm, addr + PAGES(i)));
        EXPECT_EQ(mapped_frame(mm, addr + PAGES(i)), first + i);
    }
    EXPECT_EQ(test_count(COUNTER_FAULT_REUSE), reused + 1);
    EXPECT_COUNT(COUNTER_FAULT_COW, 0);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, one_page_left_in_a_child_keeps_the_whole_folio_shared)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    *user_byte(mm, addr + PAGES(2)) = 2;
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    EXPECT_EQ(mm_unmap(child, addr, PAGES(2)), 0);
    EXPECT_EQ(mm_unmap(child, addr + PAGES(3), PAGES(BLOCK - 3)), 0);
    /* As many references as pages if one of our mappings goes: so the counts alone don't decide. */
    EXPECT_EQ(mm_unmap(mm, addr + PAGES(9), PAGES(1)), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(2), ACCESS_WRITE), 0);
    EXPECT(mapped_frame(mm, addr + PAGES(2)) != mapped_frame(child, addr + PAGES(2)));
    *user_byte(mm, addr + PAGES(2)) = 3;
    EXPECT_EQ(*user_byte(child, addr + PAGES(2)), 2);
    EXPECT(!writable(mm, addr + PAGES(4)));
    check_address_space(mm);
    check_address_space(child);
    mm_put(child);
    /* now the folio is only ours: the part that this area maps */
    EXPECT_EQ(mm_fault(mm, addr + PAGES(4), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < BLOCK; i++)
        EXPECT_EQ(writable(mm, addr + PAGES(i)), i < 9);
    mm_put(mm);
}

TEST(fault, a_reference_that_is_no_mapping_keeps_a_folio_from_being_reused)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    mm_put(mm_clone(mm));
    struct folio *pin = pfn_folio_get(mapped_frame(mm, addr));
    EXPECT_EQ(mm_fault(mm, addr, ACCESS_WRITE), 0);
    EXPECT(mapped_frame(mm, addr) != pin->pfn);
    EXPECT_EQ(mm_unmap(mm, addr + PAGES(1), PAGES(1)), 0); /* one mapping less, one reference more: the same number */
    EXPECT_EQ(mm_fault(mm, addr + PAGES(2), ACCESS_WRITE), 0);
    EXPECT(mapped_frame(mm, addr + PAGES(2)) != pin->pfn + 2);
    folio_put(pin);
    mm_put(mm);
}

TEST(fault, reuse_stays_inside_the_area_and_its_protection)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    mm_put(mm_clone(mm));
    EXPECT_EQ(mm_protect(mm, addr + PAGES(8), PAGES(4), PROT_READ), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(1), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < BLOCK; i++)
        EXPECT_EQ(writable(mm, addr + PAGES(i)), i < 8);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(9), ACCESS_WRITE), -EACCES);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, a_private_object_page_of_a_large_folio_is_copied_alone)
{
    struct mm *mm = new_space();
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 2 * BLOCK, NULL);
    vaddr_t addr = TEST_BASE;

    ASSERT(obj && mm_map(mm, &addr, PAGES(2 * BLOCK), RW, MAP_PRIVATE | MAP_FIXED, obj, 0) == 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(2), ACCESS_READ), 0);
    struct folio *f = memobj_folio(obj, 2);
    EXPECT_EQ(folio_order(f), FOLIO_DEFAULT_ORDER);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(2), ACCESS_WRITE), 0);
    *user_byte(mm, addr + PAGES(2)) = 1;
    EXPECT_EQ(*((u8 *)folio_address(f) + PAGES(2)), 0);
    EXPECT_EQ(folio_map_count(f), BLOCK - 1);
    EXPECT(!writable(mm, addr + PAGES(3)));
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    EXPECT_EQ(mm_fault(child, addr + PAGES(2), ACCESS_WRITE), 0);
    *user_byte(child, addr + PAGES(2)) = 2;
    EXPECT_EQ(*user_byte(mm, addr + PAGES(2)), 1);
    check_address_space(mm);
    check_address_space(child);
    mm_put(child);
    mm_put(mm);
    folio_put(f);
    memobj_put(obj);
}

/* --- objects --------------------------------------------------------------------------- */
TEST(fault, nothing_is_mapped_behind_an_objects_end)
{
    struct mm *mm = new_space();
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 5, NULL);
    struct folio *f = folio_alloc(2, FOLIO_ZERO);
    vaddr_t addr = TEST_BASE;

    ASSERT(obj && f && memobj_add_folio(obj, 0, f) == 0);
    ASSERT_EQ(mm_map(mm, &addr, PAGES(BLOCK), RW, MAP_SHARED | MAP_FIXED, obj, 0), 0);
    EXPECT_EQ(touch_range(mm, addr, PAGES(5), ACCESS_WRITE), 0);
    EXPECT_EQ(mm->nr_mapped, 5);
    for (unsigned i = 5; i < BLOCK; i++) {
        EXPECT(!pte_present(mm_lookup(mm, addr + PAGES(i))));
        EXPECT_EQ(mm_fault(mm, addr + PAGES(i), i % 2 ? ACCESS_READ : ACCESS_WRITE), -ENXIO);
    }
    EXPECT_EQ(mm_madvise(mm, addr, PAGES(6), MADV_POPULATE_READ), -EFAULT);
    check_address_space(mm);
    mm_put(mm);
    memobj_put(obj);
}

TEST(fault, fault_around_goes_over_many_folios_and_what_is_there)
{
    struct mm *mm = new_space();
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, BLOCK, NULL);
    vaddr_t addr = TEST_BASE;
    pfn_t pfn[BLOCK] = {0};

    ASSERT(obj != NULL);
    for (unsigned i = 0; i < BLOCK; i += i == 4 ? 4 : 1) {
        struct folio *f = i == 9 ? NULL : folio_alloc(i == 4 ? 2 : 0, FOLIO_ZERO);
        if (i != 9)
            ASSERT(f && memobj_add_folio(obj, i, f) == 0);
        for (unsigned k = 0; f && k < folio_nr_pages(f); k++)
            pfn[i + k] = f->pfn + k;
    }
    ASSERT_EQ(mm_map(mm, &addr, PAGES(BLOCK), RW, MAP_PRIVATE | MAP_FIXED, obj, 0), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(11), ACCESS_READ), 0);
    EXPECT_EQ(mm->nr_mapped, BLOCK - 1); /* page 9 isn't asked for */
    EXPECT_EQ(mm_fault(mm, addr + PAGES(6), ACCESS_WRITE), 0);
    pfn_t copy = mapped_frame(mm, addr + PAGES(6));
    EXPECT_EQ(mm_fault(mm, addr + PAGES(9), ACCESS_READ), 0);
    EXPECT_EQ(mapped_frame(mm, addr + PAGES(6)), copy);
    EXPECT_EQ(mm->nr_mapped, BLOCK);
    for (unsigned i = 0; i < BLOCK; i++)
        if (i != 6 && i != 9)
            EXPECT_EQ(mapped_frame(mm, addr + PAGES(i)), pfn[i]);
    check_address_space(mm);
    mm_put(mm);
    memobj_put(obj);
}

TEST(fault, an_area_that_begins_in_the_middle_of_a_block_gets_its_part)
{
    struct mm *mm = new_space();
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 4 * BLOCK, NULL);
    vaddr_t addr = TEST_BASE + PAGES(3);

    ASSERT(obj && mm_map(mm, &addr, PAGES(30), RW, MAP_SHARED | MAP_FIXED, obj, PAGES(7)) == 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(2) + 123, ACCESS_READ), 0);
    EXPECT_EQ(mm->nr_mapped, 9); /* pages 7 to 15 of the object */
    struct folio *f = memobj_folio(obj, 9);
    EXPECT_EQ(mapped_frame(mm, addr + PAGES(2)), f->pfn + 9);
    EXPECT_EQ(f->index, 0);
    folio_put(f);
    EXPECT_EQ(touch_range(mm, addr, PAGES(30), ACCESS_WRITE), 0);
    EXPECT_EQ(mm->nr_mapped, 30);
    check_address_space(mm);
    mm_put(mm);
    memobj_put(obj);
}

TEST(fault, an_objects_folio_never_leaves_the_object)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, BLOCK + 5, NULL);
    struct folio *low = memobj_folio(obj, 3), *high = memobj_folio(obj, BLOCK + 3);

    ASSERT(low && high);
    EXPECT_EQ(folio_order(low), FOLIO_DEFAULT_ORDER);
    EXPECT_EQ(folio_order(high), 0);
    folio_put(low);
    folio_put(high);
    memobj_put(obj);
}

TEST(fault, a_tight_quota_gives_an_object_single_pages)
{
    struct quota *q = quota_create(1 + 5); /* one frame for the object and its tree */
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, BLOCK, q);

    ASSERT(q && obj);
    for (unsigned i = 0; i < 5; i++) {
        struct folio *f = memobj_folio(obj, i);
        ASSERT(f != NULL);
        EXPECT_EQ(folio_order(f), 0);
        folio_put(f);
    }
    EXPECT(memobj_folio(obj, 5) == NULL);
    EXPECT_EQ(quota_used(q), 6);
    memobj_put(obj);
    EXPECT_EQ(quota_used(q), 0);
    quota_put(q);
}

/* --- several CPUs ---------------------------------------------------------------------- */
static struct mm *shared_mm;
static vaddr_t shared_addr;
static u32 failures;

/* Each thread reads and then writes all pages in an order of its own. In the end each page exists once, with every
 * thread's mark in it. */
static void read_and_write(void *arg)
{
    unsigned me = (unsigned)(u64)arg;

    for (unsigned k = 0; k < 4 * BLOCK; k++) {
        unsigned i = (k * (2 * me + 1)) % (4 * BLOCK);
        vaddr_t addr = shared_addr + PAGES(i) + me;
        if (mm_fault(shared_mm, addr, ACCESS_READ))
            failures++;
        jitter();
        do
            if (mm_fault(shared_mm, addr, ACCESS_WRITE))
                failures++;
        while (!writable(shared_mm, addr));
        *user_byte(shared_mm, addr) = (u8)(me + 1);
    }
}

TEST(fault, reads_and_writes_on_several_cpus_lose_nothing)
{
    struct crew crew = {0};

    shared_mm = new_space();
    shared_addr = map_anonymous(shared_mm, PAGES(4 * BLOCK), RW);
    failures = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, read_and_write, (void *)(u64)cpu);
    crew_wait(&crew);
    EXPECT_EQ(failures, 0);
    for (unsigned i = 0; i < 4 * BLOCK; i++)
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            EXPECT_EQ(*user_byte(shared_mm, shared_addr + PAGES(i) + cpu), cpu + 1);
    EXPECT_EQ(shared_mm->nr_mapped, 4 * BLOCK);
    check_address_space(shared_mm);
    mm_put(shared_mm);
}

/* Each thread writes its byte of every page; a child shares all pages. */
static void write_to_all(void *arg)
{
    unsigned me = (unsigned)(u64)arg;

    for (unsigned i = 0; i < BLOCK; i++) {
        vaddr_t addr = shared_addr + PAGES(i) + me;
        jitter();
        while (!writable(shared_mm, addr))
            if (mm_fault(shared_mm, addr, ACCESS_WRITE))
                failures++;
        *user_byte(shared_mm, addr) = (u8)(me + 1);
    }
}

TEST(fault, writers_that_copy_one_page_at_once_lose_nothing)
{
    shared_mm = new_space();
    shared_addr = map_anonymous(shared_mm, PAGES(BLOCK), RW);
    failures = 0;
    for (unsigned round = 0; round < 12; round++) {
        struct crew crew = {0};
        ASSERT_EQ(touch_range(shared_mm, shared_addr, PAGES(BLOCK), ACCESS_WRITE), 0);
        for (unsigned i = 0; i < BLOCK; i++)
            for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
                *user_byte(shared_mm, shared_addr + PAGES(i) + cpu) = 0;
        struct mm *child = mm_clone(shared_mm);
        ASSERT(child != NULL);
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            crew_start(&crew, cpu, write_to_all, (void *)(u64)cpu);
        crew_wait(&crew);
        for (unsigned i = 0; i < BLOCK; i++)
            for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
                EXPECT_EQ(*user_byte(shared_mm, shared_addr + PAGES(i) + cpu), cpu + 1);
                EXPECT_EQ(*user_byte(child, shared_addr + PAGES(i) + cpu), 0);
            }
        mm_put(child);
    }
    EXPECT_EQ(failures, 0);
    check_address_space(shared_mm);
    mm_put(shared_mm);
}

/* --- out of memory --------------------------------------------------------------------- */
static int live(void *unused)
{
    struct mm *mm = mm_create(), *child = NULL;
    vaddr_t addr = TEST_BASE, stack = TEST_BASE + 4 * MiB;
    int err = -ENOMEM;

    (void)unused;
    if (!mm)
        return err;
    err = mm_map(mm, &addr, PAGES(BLOCK), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0);
    if (!err)
        err = mm_map(mm, &stack, 64 * KiB, RW, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL, 0);
    if (!err)
        err = touch_range(mm, addr, PAGES(BLOCK), ACCESS_READ);
    if (!err)
        err = touch_range(mm, addr + PAGES(3), PAGES(1), ACCESS_WRITE);
    if (!err)
        err = mm_fault(mm, stack - PAGES(1), ACCESS_WRITE);
    if (!err)
        err = mm_fault(mm, stack - PAGES(1), ACCESS_WRITE);
    if (!err)
        err = (child = mm_clone(mm)) ? 0 : -ENOMEM;
    if (!err)
        err = touch_range(child, addr, PAGES(BLOCK), ACCESS_WRITE);
    if (child)
        mm_put(child);
    if (!err)
        err = touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE);
    mm_put(mm);
    return err;
}

TEST(fault, out_of_memory_in_any_of_them_is_an_error_and_leaves_nothing_behind)
{
    with_every_failure(live, NULL);
}

TEST(fault, a_quota_of_few_frames_stops_faults_and_nothing_else)
{
    struct mm *mm = new_space();
    struct quota *q = quota_create(20);

    ASSERT(q != NULL);
    mm_set_quota(mm, q);
    vaddr_t addr = map_anonymous(mm, PAGES(4 * BLOCK), RW);
    EXPECT_EQ(touch_range(mm, addr, PAGES(4 * BLOCK), ACCESS_READ), 0); /* zeros cost nothing but tables */
    EXPECT_EQ(mm_fault(mm, addr, ACCESS_WRITE), 0);
    int err = 0;
    for (unsigned i = BLOCK; i < 4 * BLOCK && !err; i++)
        err = mm_fault(mm, addr + PAGES(i), ACCESS_WRITE);
    EXPECT_EQ(err, -ENOMEM);
    EXPECT(quota_used(q) <= 20);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(1), ACCESS_READ), 0);
    mm_put(mm);
    EXPECT_EQ(quota_used(q), 0);
    quota_put(q);
}
