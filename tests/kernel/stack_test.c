/* SPDX-License-Identifier: MIT */
/* Stacks that grow. */
#include "../../mm/spaces/areas.h"
#include "helpers.h"
#include <quire/errno.h>
#include <quire/hole.h>

#define RW       (PROT_READ | PROT_WRITE)
#define PAGES(n) ((size_t)(n) * PAGE_SIZE)

static vaddr_t map_stack(struct mm *mm, vaddr_t start, size_t len)
{
    ASSERT_EQ(mm_map(mm, &start, len, RW, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL, 0), 0);
    return start;
}

TEST(fault, a_stack_grows_down_to_its_limit)
{
    struct mm *mm = new_space();
    vaddr_t top = TEST_BASE + 64 * MiB, start = map_stack(mm, top - 64 * KiB, 64 * KiB);

    mm->stack_limit = 1 * MiB;
    EXPECT_EQ(touch_range(mm, start, 64 * KiB, ACCESS_WRITE), 0);
    EXPECT_EQ(touch_range(mm, start - PAGES(3), PAGES(1), ACCESS_WRITE), 0);
    EXPECT_EQ(count_areas(mm), 1);
    EXPECT_EQ(touch_range(mm, top - 1 * MiB, PAGES(1), ACCESS_WRITE), 0);
    EXPECT(pte_present(mm_lookup(mm, top - 1 * MiB)));
    EXPECT_EQ(mm_fault(mm, top - 1 * MiB - 1, ACCESS_WRITE), -E2BIG);
    EXPECT_EQ(mm_fault(mm, top - 3 * MiB, ACCESS_WRITE), -EFAULT);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, a_stack_keeps_a_gap_to_the_area_below)
{
    struct mm *mm = new_space();
    vaddr_t start = map_stack(mm, TEST_BASE + 4 * MiB, 64 * KiB), below = TEST_BASE + 2 * MiB;

    ASSERT_EQ(mm_map(mm, &below, PAGES(3), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    vaddr_t lowest = below + PAGES(3) + STACK_GUARD_GAP;
    EXPECT_EQ(mm_fault(mm, lowest - 1, ACCESS_WRITE), -E2BIG);
    EXPECT_EQ(mm_fault(mm, start - 1, ACCESS_READ | 0), 0);
    EXPECT_EQ(mm_fault(mm, lowest, ACCESS_WRITE), 0);
    EXPECT_EQ(mm_fault(mm, lowest, ACCESS_WRITE), 0);
    EXPECT(pte_present(mm_lookup(mm, lowest)));
    EXPECT_EQ(mm_fault(mm, lowest - 1, ACCESS_WRITE), -E2BIG);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, other_areas_do_not_grow_and_populate_grows_none)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(4), RW);
    vaddr_t start = map_stack(mm, TEST_BASE + 4 * MiB, 64 * KiB);

    EXPECT_EQ(mm_fault(mm, addr - 1, ACCESS_WRITE), -EFAULT);
    EXPECT_EQ(mm_madvise(mm, start - PAGES(1), PAGES(1), MADV_POPULATE_WRITE), -ENOMEM);
    EXPECT_EQ(count_areas(mm), 2);
    EXPECT_EQ(mm_fault(mm, start + 64 * KiB, ACCESS_WRITE), -EFAULT); /* above */
    mm_put(mm);
}

TEST(fault, pieces_of_a_stack_count_as_one)
{
    struct mm *mm = new_space();
    vaddr_t top = TEST_BASE + 64 * MiB, start = map_stack(mm, top - 64 * KiB, 64 * KiB);

    mm->stack_limit = 256 * KiB;
    EXPECT_EQ(mm_protect(mm, start + PAGES(4), PAGES(1), PROT_READ), 0);
    EXPECT_EQ(count_areas(mm), 3);
    EXPECT_EQ(mm_fault(mm, top - 256 * KiB - 1, ACCESS_WRITE), -E2BIG);
    EXPECT_EQ(mm_fault(mm, top - 256 * KiB, ACCESS_WRITE), 0);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, a_page_of_a_grown_stack_is_found_by_the_reverse_map)
{
    struct mm *mm = new_space();
    vaddr_t start = map_stack(mm, TEST_BASE + 4 * MiB, 64 * KiB), deep = start - 128 * KiB;

    EXPECT_EQ(touch_range(mm, start, PAGES(1), ACCESS_WRITE), 0);
    EXPECT_EQ(mm_fault(mm, deep, ACCESS_WRITE), 0);
    EXPECT_EQ(mm_fault(mm, deep, ACCESS_WRITE), 0);
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    struct insecure_mem *h = punch_at(mm, deep, 1);
    EXPECT(!pte_present(mm_lookup(mm, deep)));
    EXPECT(!pte_present(mm_lookup(child, deep)));
    EXPECT_EQ(folio_mend_hole(h), 0);
    mm_put(child);
    mm_put(mm);
}

/* --- several CPUs ---------------------------------------------------------------------- */
static struct mm *shared_mm;
static vaddr_t shared_addr;
static u32 failures;

static void grow_stack(void *arg)
{
    unsigned me = (unsigned)(u64)arg;

    for (unsigned k = 1; k < 64; k++) {
        vaddr_t addr = shared_addr - PAGES(k) - 8 * me - 8;
        do
            if (mm_fault(shared_mm, addr, ACCESS_WRITE))
                failures++;
        while (!failures && !writable(shared_mm, addr));
        jitter();
    }
}

TEST(fault, one_stack_grown_by_several_cpus_is_one_area)
{
    struct crew crew = {0};

    shared_mm = new_space();
    shared_addr = map_stack(shared_mm, TEST_BASE + 16 * MiB, 64 * KiB);
    failures = 0;
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, grow_stack, (void *)(u64)cpu);
    crew_wait(&crew);
    EXPECT_EQ(failures, 0);
    EXPECT_EQ(count_areas(shared_mm), 1);
    check_address_space(shared_mm);
    mm_put(shared_mm);
}

/* The search for room begins at 4 GiB; an area ends right there. */
TEST(stack, room_that_was_found_has_a_gap_below_it)
{
    struct mm *mm = new_space();
    vaddr_t base = 4 * GiB, stack = 0;

    ASSERT_EQ(map_at(mm, base - PAGE_SIZE, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED), 0);
    ASSERT_EQ(mm_map(mm, &stack, 64 * KiB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_GROWSDOWN, NULL, 0), 0);
    EXPECT(stack >= base + STACK_GUARD_GAP);
    EXPECT(mm_fault(mm, stack - 8, ACCESS_WRITE) != 0);
    mm_put(mm);
}

/* A stack may still grow to its limit, and keeps its gap: what is below that is room, and not a page more. */
TEST(stack, room_below_a_stack_ends_where_the_stack_may_grow_to)
{
    struct mm *mm = new_space();
    vaddr_t base = 4 * GiB, stack = base + 7 * PAGE_SIZE + STACK_GUARD_GAP + STACK_LIMIT_DEFAULT - PAGE_SIZE;

    ASSERT_EQ(map_at(mm, stack, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN), 0);
    for (unsigned nr = 9; nr >= 7; nr--) { /* 7 pages are room */
        vaddr_t addr = 0;
        ASSERT_EQ(mm_map(mm, &addr, nr * PAGE_SIZE, PROT_READ, MAP_SHARED, NULL, 0), 0);
        EXPECT_EQ(addr == base, nr == 7);
        EXPECT(nr == 7 || addr > stack);
    }
    mm_put(mm);
}
