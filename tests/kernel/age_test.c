/* SPDX-License-Identifier: MIT */
/* Ageing: batches clear "accessed", the next access sets it again, and nothing else changes. */
#include "helpers.h"
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/tlb.h>

#define PAGES 40

static void expect_ages(struct mm *mm, vaddr_t base, u64 young)
{
    for (u64 i = 0; i < PAGES; i++)
        EXPECT_EQ(pte_young(mm_lookup(mm, base + i * PAGE_SIZE)), young >> i & 1);
}

TEST(age, a_range_grows_old_at_once_and_young_page_by_page)
{
    struct mm *mm = mm_create();
    ASSERT(mm);
    vaddr_t base = map_anonymous(mm, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE);
    ASSERT_EQ(mm_madvise(mm, base, PAGES * PAGE_SIZE, MADV_NOHUGEPAGE), 0);
    ASSERT_EQ(touch_range(mm, base, PAGES * PAGE_SIZE, ACCESS_WRITE), 0);
    expect_ages(mm, base, ~0UL);
    seem_active_everywhere(mm);
    u64 operations = test_count(COUNTER_FLUSH_OPERATIONS);
    EXPECT_EQ(mm_madvise(mm, base, PAGES * PAGE_SIZE, MADV_COLD), 0);
    EXPECT_EQ(test_count(COUNTER_FLUSH_OPERATIONS) - operations, 1); /* one flush for all */
    expect_ages(mm, base, 0);
    for (u64 i = 0; i < PAGES; i++) {
        pte_t e = mm_lookup(mm, base + i * PAGE_SIZE);
        EXPECT(pte_present(e) && pte_accessible(e) && pte_write(e) && pte_dirty(e));
    }
    EXPECT_EQ(mm_fault(mm, base + 3 * PAGE_SIZE, ACCESS_READ), 0);
    EXPECT_EQ(mm_fault(mm, base + 17 * PAGE_SIZE, ACCESS_WRITE), 0);
    expect_ages(mm, base, 1UL << 3 | 1UL << 17);
    EXPECT_EQ(age_range(mm, base, base + 8 * PAGE_SIZE), 1);
    EXPECT_EQ(age_range(mm, base, base + 8 * PAGE_SIZE), 0);
    expect_ages(mm, base, 1UL << 17);
    mm_put(mm);
}

/* Bug 20: the entries that a batch of fork treated as alike. */
TEST(age, fork_and_protection_leave_the_age_of_each_page_alone)
{
    struct mm *mm = mm_create();
    ASSERT(mm);
    vaddr_t base = map_anonymous(mm, PAGES * PAGE_SIZE, PROT_READ | PROT_WRITE);
    ASSERT_EQ(touch_range(mm, base, PAGES * PAGE_SIZE, ACCESS_WRITE), 0);
    ASSERT_EQ(mm_madvise(mm, base + 2 * PAGE_SIZE, 20 * PAGE_SIZE, MADV_COLD), 0);
    ASSERT_EQ(mm_fault(mm, base + 5 * PAGE_SIZE, ACCESS_READ), 0);
    u64 young = ~(((1UL << 20) - 1) << 2) | 1UL << 5;
    expect_ages(mm, base, young);
    struct mm *child = mm_clone(mm);
    ASSERT(child);
    expect_ages(mm, base, young);
    expect_ages(child, base, young);
    for (u64 i = 0; i < PAGES; i++) {
        EXPECT(!pte_write(mm_lookup(mm, base + i * PAGE_SIZE)) && !pte_write(mm_lookup(child, base + i * PAGE_SIZE)));
        EXPECT(pte_dirty(mm_lookup(mm, base + i * PAGE_SIZE)) && pte_dirty(mm_lookup(child, base + i * PAGE_SIZE)));
    }
    EXPECT_EQ(mm_protect(child, base, PAGES * PAGE_SIZE, PROT_NONE), 0);
    expect_ages(child, base, young);
    EXPECT_EQ(mm_protect(child, base, PAGES * PAGE_SIZE, PROT_READ), 0);
    expect_ages(child, base, young);
    check_address_space(mm);
    check_address_space(child);
    mm_put(child);
    mm_put(mm);
}

TEST(age, what_is_not_there_and_bad_ranges)
{
    struct mm *mm = mm_create();
    ASSERT(mm);
    vaddr_t base = map_anonymous(mm, PAGES * PAGE_SIZE, PROT_READ);
    EXPECT_EQ(mm_madvise(mm, base, PAGES * PAGE_SIZE, MADV_COLD), 0);
    EXPECT_EQ(mm_madvise(mm, base, 2 * PAGES * PAGE_SIZE, MADV_COLD), -ENOMEM);
    EXPECT_EQ(mm_madvise(mm, base + 1, PAGE_SIZE, MADV_COLD), -EINVAL);
    EXPECT_EQ(mm_madvise(mm, base, ~0UL, MADV_COLD), -EINVAL);
    mm_put(mm);
}
