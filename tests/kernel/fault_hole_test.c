/* SPDX-License-Identifier: MIT */
/* Faults on private memory whose frames are in a hole, or come back from one. */
#include "helpers.h"
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/poison.h>

#define RW       (PROT_READ | PROT_WRITE)
#define PAGES(n) ((size_t)(n) * PAGE_SIZE)
#define BLOCK    16 /* pages of a default folio */

TEST(fault, a_page_comes_back_from_a_hole_with_its_contents)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < BLOCK; i++)
        *user_byte(mm, addr + PAGES(i)) = (u8)(i + 1);
    pfn_t first = mapped_frame(mm, addr);
    struct insecure_mem *h = punch_at(mm, addr + PAGES(4), 3);
    EXPECT_EQ(mm->nr_mapped, BLOCK - 3);
    for (unsigned i = 4; i < 7; i++) {
        EXPECT_EQ(mm_fault(mm, addr + PAGES(i), ACCESS_READ), -EBUSY);
        EXPECT_EQ(mm_fault(mm, addr + PAGES(i), ACCESS_WRITE), -EBUSY);
    }
    EXPECT_EQ(mm_fault(mm, addr + PAGES(3), ACCESS_WRITE), 0);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < BLOCK; i++) {
        EXPECT_EQ(mapped_frame(mm, addr + PAGES(i)), first + i);
        EXPECT_EQ(*user_byte(mm, addr + PAGES(i)), i + 1);
        EXPECT(writable(mm, addr + PAGES(i)));
    }
    EXPECT_EQ(mm->nr_mapped, BLOCK);
    check_address_space(mm);
    mm_put(mm);
}

TEST(fault, a_fork_while_there_is_a_hole_shares_what_is_in_it)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    *user_byte(mm, addr + PAGES(1)) = 42;
    struct insecure_mem *h = punch_at(mm, addr, 4);
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    EXPECT_EQ(mm_fault(child, addr + PAGES(1), ACCESS_READ), -EBUSY);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(touch_range(mm, addr, PAGES(4), ACCESS_READ), 0);
    EXPECT_EQ(touch_range(child, addr, PAGES(4), ACCESS_WRITE), 0);
    EXPECT_EQ(*user_byte(child, addr + PAGES(1)), 42);
    *user_byte(child, addr + PAGES(1)) = 43;
    EXPECT_EQ(*user_byte(mm, addr + PAGES(1)), 42);
    check_address_space(mm);
    check_address_space(child);
    mm_put(mm);
    mm_put(child);
}

TEST(fault, a_mark_in_one_process_is_a_reference_that_keeps_the_other_from_reusing)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    *user_byte(mm, addr) = 1;
    struct insecure_mem *h = punch_at(mm, addr, 1);
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(touch_range(mm, addr, PAGES(1), ACCESS_WRITE), 0); /* the child has a mark only */
    *user_byte(mm, addr) = 2;
    EXPECT_EQ(touch_range(child, addr, PAGES(1), ACCESS_READ), 0);
    EXPECT_EQ(*user_byte(child, addr), 1);
    mm_put(child);
    mm_put(mm);
}

TEST(fault, unmapping_while_there_is_a_hole_lets_the_folio_go_with_the_hole)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(2 * BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(2 * BLOCK), ACCESS_WRITE), 0);
    struct insecure_mem *h = punch_at(mm, addr + PAGES(2), 2), *other = punch_at(mm, addr + PAGES(BLOCK), 1);
    EXPECT_EQ(mm_unmap(mm, addr, PAGES(BLOCK)), 0);
    EXPECT_EQ(mm_madvise(mm, addr + PAGES(BLOCK), PAGES(1), MADV_DONTNEED), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(BLOCK), ACCESS_READ), 0); /* given up: zeros */
    EXPECT_EQ(zeros(mm, addr + PAGES(BLOCK), 1), 1);
    check_address_space(mm);
    mm_put(mm);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(folio_mend_hole(other), 0);
}

TEST(fault, a_frame_that_breaks_inside_a_hole_is_broken_afterwards)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(BLOCK), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(BLOCK), ACCESS_WRITE), 0);
    pfn_t pfn = mapped_frame(mm, addr + PAGES(2));
    struct insecure_mem *h = punch_at(mm, addr, 4);
    EXPECT_EQ(memory_failure(pfn), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(2), ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(2), ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(1), ACCESS_READ), 0);
    check_address_space(mm);
    mm_put(mm);
    test_allow_leak("a broken frame never comes back");
}
