/* SPDX-License-Identifier: MIT */
/* Copies of address spaces: what parent and child share, and what a write changes. */
#include "helpers.h"
#include <quire/counters.h>
#include <quire/memory_init.h>
#include <quire/string.h>

#define RW       (PROT_READ | PROT_WRITE)
#define FIXED    (MAP_PRIVATE | MAP_FIXED)
#define PAGES(n) ((n)*PAGE_SIZE)

TEST(mm, a_child_sees_what_was_written_before_and_not_what_is_written_after)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(32), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(32), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < 32; i++)
        *user_byte(mm, addr + PAGES(i)) = (u8)i;
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    for (unsigned i = 0; i < 32; i++) {
        EXPECT(!pte_write(mm_lookup(mm, addr + PAGES(i))));
        EXPECT(!pte_write(mm_lookup(child, addr + PAGES(i))));
        EXPECT_EQ(mapped_frame(mm, addr + PAGES(i)), mapped_frame(child, addr + PAGES(i)));
    }
    EXPECT_EQ(touch_range(mm, addr + PAGES(3), PAGES(1), ACCESS_WRITE), 0);
    *user_byte(mm, addr + PAGES(3)) = 100;
    EXPECT_EQ(touch_range(child, addr + PAGES(4), PAGES(1), ACCESS_WRITE), 0);
    *user_byte(child, addr + PAGES(4)) = 200;
    EXPECT_EQ(*user_byte(child, addr + PAGES(3)), 3);
    EXPECT_EQ(*user_byte(mm, addr + PAGES(4)), 4);
    check_address_space(mm);
    check_address_space(child);
    test_checkpoint("parent and child after writing");
    mm_put(mm);
    EXPECT_EQ(*user_byte(child, addr + PAGES(9)), 9);
    check_address_space(child);
    mm_put(child);
}

TEST(mm, cloning_works_in_batches)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, 1 * MiB, RW);

    ASSERT_EQ(touch_range(mm, addr, 1 * MiB, ACCESS_WRITE), 0);
    u64 before = test_count(COUNTER_SET_PTES_CALLS);
    struct mm *child = mm_clone(mm);
    EXPECT(test_count(COUNTER_SET_PTES_CALLS) - before <= 16); /* a call per folio of 16 pages */
    EXPECT_EQ(child->nr_mapped, 256);
    mm_put(child);
    mm_put(mm);
}

TEST(mm, a_written_page_that_nobody_else_has_is_reused)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(1), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(1), ACCESS_WRITE), 0);
    pfn_t pfn = mapped_frame(mm, addr);
    struct mm *child = mm_clone(mm);
    mm_put(child);
    EXPECT(!pte_write(mm_lookup(mm, addr)));
    EXPECT_EQ(touch_range(mm, addr, PAGES(1), ACCESS_WRITE), 0);
    EXPECT_EQ(mapped_frame(mm, addr), pfn);
    EXPECT_EQ(test_count(COUNTER_FAULT_REUSE), 1);
    EXPECT_EQ(test_count(COUNTER_FAULT_COW), 0);
    mm_put(mm);
}

TEST(mm, a_written_page_that_somebody_else_holds_is_copied)
{
    struct mm *mm = new_space();
    vaddr_t addr = map_anonymous(mm, PAGES(1), RW);

    ASSERT_EQ(touch_range(mm, addr, PAGES(1), ACCESS_WRITE), 0);
    *user_byte(mm, addr) = 5;
    struct mm *child = mm_clone(mm);
    mm_put(child);
    struct folio *pin = pfn_folio_get(mapped_frame(mm, addr)); /* as a device or a copy would */
    EXPECT_EQ(touch_range(mm, addr, PAGES(1), ACCESS_WRITE), 0);
    EXPECT(mapped_frame(mm, addr) != pin->pfn);
    *user_byte(mm, addr) = 6;
    EXPECT_EQ(*(u8 *)folio_address(pin), 5);
    EXPECT_EQ(folio_map_count(pin), 0);
    folio_put(pin);
    mm_put(mm);
}

TEST(mm, shared_memory_stays_shared_after_a_clone)
{
    struct mm *mm = new_space();
    vaddr_t addr = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &addr, PAGES(8), RW, MAP_SHARED | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(touch_range(mm, addr, PAGES(4), ACCESS_WRITE), 0);
    struct mm *child = mm_clone(mm);
    *user_byte(mm, addr + PAGES(1)) = 11;
    EXPECT_EQ(*user_byte(child, addr + PAGES(1)), 11);
    EXPECT_EQ(touch_range(child, addr + PAGES(6), PAGES(1), ACCESS_WRITE), 0);
    *user_byte(child, addr + PAGES(6)) = 12;
    EXPECT_EQ(touch_range(mm, addr + PAGES(6), PAGES(1), ACCESS_READ), 0);
    EXPECT_EQ(*user_byte(mm, addr + PAGES(6)), 12);
    EXPECT_EQ(test_count(COUNTER_FAULT_COW), 0);
    mm_put(mm);
    mm_put(child);
}

TEST(mm, a_private_mapping_never_writes_to_its_object)
{
    struct mm *mm = new_space();
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 16, NULL);
    struct folio *f = folio_alloc(4, FOLIO_ZERO);
    vaddr_t addr = TEST_BASE;

    ASSERT(obj && f && memobj_add_folio(obj, 0, f) == 0);
    ASSERT_EQ(mm_map(mm, &addr, PAGES(16), RW, FIXED, obj, 0), 0);
    EXPECT_EQ(touch_range(mm, addr + PAGES(2), PAGES(1), ACCESS_WRITE), 0);
    *user_byte(mm, addr + PAGES(2)) = 1;
    EXPECT_EQ(*((u8 *)folio_address(f) + PAGES(2)), 0);
    EXPECT(!pte_write(mm_lookup(mm, addr + PAGES(3))));
    EXPECT_EQ(mapped_frame(mm, addr + PAGES(3)), f->pfn + 3);
    check_address_space(mm);
    mm_put(mm);
    EXPECT_EQ(folio_map_count(f), 0);
    memobj_put(obj);
}

/*
 * A tree of clones that all write: each keeps its own values, and there are never fewer references than mappings.
 */
TEST(mm, a_family_of_clones_keeps_its_memories_apart)
{
    enum { KIN = 5, NR = 20 };
    struct mm *mm[KIN];
    u8 model[KIN][NR];

    mm[0] = new_space();
    vaddr_t addr = map_anonymous(mm[0], PAGES(NR), RW);
    memset(model, 0, sizeof(model));
    for (unsigned k = 0; k < KIN; k++) {
        if (k) {
            unsigned parent = test_rand() % k;
            mm[k] = mm_clone(mm[parent]);
            ASSERT(mm[k] != NULL);
            memcpy(model[k], model[parent], NR);
        }
        for (unsigned step = 0; step < 30; step++) {
            unsigned who = test_rand() % (k + 1), page = test_rand() % NR;
            bool write = test_rand() & 1;
            EXPECT_EQ(touch_range(mm[who], addr + PAGES(page), PAGES(1),
                                  write ? ACCESS_WRITE : ACCESS_READ),
                      0);
            if (write)
                *user_byte(mm[who], addr + PAGES(page)) = model[who][page] = (u8)test_rand();
        }
        for (unsigned i = 0; i <= k; i++) {
            check_address_space(mm[i]);
            for (unsigned p = 0; p < NR; p++)
                if (pte_present(mm_lookup(mm[i], addr + PAGES(p))))
                    EXPECT_EQ(*user_byte(mm[i], addr + PAGES(p)), model[i][p]);
        }
    }
    test_checkpoint("a family of clones");
    for (unsigned k = 0; k < KIN; k++)
        mm_put(mm[(k * 3) % KIN]);
}
