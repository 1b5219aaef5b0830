/* SPDX-License-Identifier: MIT */
/* Memory objects: their pages are folios, and they have an end. */
#include "helpers.h"
#include <quire/errno.h>
#include <quire/block.h>
#include <quire/counters.h>
#include <quire/hole.h>
#include <quire/poison.h>
#include <quire/quota.h>

#define PAGES(n) ((n)*PAGE_SIZE)

static struct memobj *object_of(u64 nr_pages)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, nr_pages, NULL);
    ASSERT(obj != NULL);
    return obj;
}

/* Add a new folio; after success its reference belongs to the object. */
static int add(struct memobj *obj, u64 index, unsigned order)
{
    struct folio *f = folio_alloc(order, 0);
    ASSERT(f != NULL);
    int err = memobj_add_folio(obj, index, f);
    if (err)
        folio_put(f);
    return err;
}

TEST(memobj, it_has_no_page_beyond_its_end)
{
    struct memobj *obj = object_of(5);
    struct mm *mm = mm_create();
    vaddr_t addr = TEST_BASE;

    EXPECT(memobj_folio(obj, 5) == NULL);
    EXPECT(memobj_folio(obj, ~0UL) == NULL);
    struct folio *last = memobj_folio(obj, 4);
    ASSERT(last != NULL);
    folio_put(last);
    ASSERT(mm != NULL);
    EXPECT_EQ(mm_map(mm, &addr, PAGES(1), PROT_READ, MAP_SHARED | MAP_FIXED, obj, PAGES(5)), -EINVAL);
    ASSERT_EQ(mm_map(mm, &addr, PAGES(16), PROT_READ, MAP_SHARED | MAP_FIXED, obj, 0), 0);
    EXPECT_EQ(mm_fault(mm, addr + PAGES(4), ACCESS_READ), 0);
    for (unsigned i = 5; i < 16; i++)
        EXPECT_EQ(mm_fault(mm, addr + PAGES(i), ACCESS_READ), -ENXIO); /* a bus error */
    EXPECT_EQ(mm->nr_mapped, 1);
    struct folio *whole = memobj_folio(obj, 0); /* no default folio fits */
    EXPECT_EQ(folio_order(whole), 0);
    folio_put(whole);
    mm_put(mm);
    memobj_put(obj);
}

TEST(memobj, no_folio_reaches_beyond_its_end)
{
    struct memobj *obj = object_of(6);
    struct ledger before = ledger_read();

    EXPECT_EQ(add(obj, 6, 0), -EINVAL);
    EXPECT_EQ(add(obj, ~0UL, 0), -EINVAL);
    EXPECT_EQ(add(obj, 4, 2), -EINVAL);
    EXPECT_EQ(add(obj, 5, 1), -EINVAL);
    EXPECT_EQ(add(obj, 3, 2), -EINVAL); /* one page too far */
    EXPECT_LEDGER(before);
    EXPECT_EQ(add(obj, 2, 2), 0);
    memobj_put(obj);
}

TEST(memobj, a_page_has_one_frame)
{
    struct memobj *obj = object_of(16);

    ASSERT_EQ(add(obj, 6, 1), 0);
    for (u64 first = 3; first <= 7; first++)
        EXPECT_EQ(add(obj, first, 2), -EEXIST);
    EXPECT_EQ(add(obj, 2, 2), 0); /* up to the beginning of the other folio, and behind that one */
    EXPECT_EQ(add(obj, 8, 3), 0);
    memobj_put(obj);
}

TEST(memobj, a_folio_that_outlives_it_has_no_owner)
{
    struct memobj *obj = object_of(300); /* a tree of two levels */

    ASSERT_EQ(add(obj, 70, 1), 0);
    struct folio *f = memobj_folio(obj, 71), *other = memobj_folio(obj, 299);
    ASSERT(f && other);
    EXPECT_EQ(f->index, 70);
    EXPECT(f->owner == obj);
    memobj_put(obj);
    EXPECT(f->owner == NULL);
    EXPECT(other->owner == NULL);
    EXPECT_EQ(folio_ref_count(f), 1);
    folio_put(f);
    folio_put(other);
}

TEST(memobj, its_pages_are_charged_and_no_more)
{
    struct quota *quota = quota_create(1 + 3); /* the object and its tree share a frame's worth; three pages */
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 8, quota);

    ASSERT(quota && obj);
    EXPECT_EQ(quota_used(quota), 1);
    for (u64 i = 0; i < 4; i++) {
        struct folio *f = memobj_folio(obj, i);
        EXPECT_EQ(f != NULL, i < 3);
        if (f)
            folio_put(f);
    }
    EXPECT_EQ(quota_used(quota), 4);
    memobj_put(obj);
    EXPECT_EQ(quota_used(quota), 0);
    quota_put(quota);
}

/* --- size ---------------------------------------------------------------------------------------- */
#define RW (PROT_READ | PROT_WRITE)

/* An address space that shows the object at TEST_BASE. */
static struct mm *show(struct memobj *obj, u64 pages, unsigned flags)
{
    struct mm *mm = new_space();
    vaddr_t addr = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &addr, PAGES(pages), RW, MAP_SHARED | MAP_FIXED | flags, obj, 0), 0);
    return mm;
}

TEST(memobj, what_is_cut_off_is_unmapped_and_given_back)
{
    struct quota *quota = quota_create(1000);
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 100, quota);
    struct mm *a = show(obj, 100, 0), *b = show(obj, 100, 0);

    ASSERT_EQ(touch_range(a, TEST_BASE, PAGES(100), ACCESS_WRITE), 0);
    ASSERT_EQ(touch_range(b, TEST_BASE, PAGES(100), ACCESS_READ), 0);
    seem_active_everywhere(a);
    seem_active_everywhere(b);
    u64 before = quota_used(quota);
    struct folio *held = memobj_folio(obj, 80);
    events_start();
    memobj_resize(obj, 40); /* 32 to 47 are one folio */
    EXPECT(events_check() > 0);
    EXPECT_EQ(a->nr_mapped, 40);
    EXPECT_EQ(b->nr_mapped, 40);
    EXPECT_EQ(quota_used(quota), before - (100 - 48) + 16); /* the folio that is held is still charged */
    EXPECT(held->owner == NULL);
    EXPECT_EQ(folio_ref_count(held), 1);
    folio_put(held);
    EXPECT_EQ(mm_fault(a, TEST_BASE + PAGES(40), ACCESS_READ), -ENXIO);
    EXPECT(memobj_find(obj, 40) == NULL);
    EXPECT(memobj_folio(obj, 40) == NULL);
    EXPECT_EQ(memobj_next(obj, 40), ~0UL);
    check_address_space(a);
    check_address_space(b);
    mm_put(a);
    mm_put(b);
    memobj_put(obj);
    EXPECT_EQ(quota_used(quota), 0);
    quota_put(quota);
}

TEST(memobj, pages_that_come_back_are_zeros)
{
    struct memobj *obj = object_of(32);
    struct mm *mm = show(obj, 32, 0);

    ASSERT_EQ(touch_range(mm, TEST_BASE, PAGES(32), ACCESS_WRITE), 0);
    for (unsigned i = 0; i < 32; i++)
        *user_byte(mm, TEST_BASE + PAGES(i)) = 7;
    memobj_resize(obj, 5);
    memobj_resize(obj, 32);
    ASSERT_EQ(touch_range(mm, TEST_BASE, PAGES(32), ACCESS_READ), 0);
    for (unsigned i = 0; i < 32; i++)
        EXPECT_EQ(*user_byte(mm, TEST_BASE + PAGES(i)), i < 5 ? 7 : 0);
    check_address_space(mm);
    mm_put(mm);
    memobj_put(obj);
}

TEST(memobj, a_block_is_split_where_its_object_ends)
{
    struct memobj *obj = object_of(2 * BLOCK_FRAMES);

    obj->large = true;
    struct mm *mm = show(obj, 2 * BLOCK_FRAMES, 0);
    ASSERT_EQ(touch_range(mm, TEST_BASE, 2 * BLOCK_BYTES, ACCESS_WRITE), 0);
    EXPECT_EQ(mm->nr_mapped, 2 * BLOCK_FRAMES);
    memobj_resize(obj, 7);
    EXPECT_EQ(mm->nr_mapped, 7);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(7), ACCESS_WRITE), -ENXIO);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + BLOCK_BYTES, ACCESS_WRITE), -ENXIO);
    mm_madvise(mm, TEST_BASE, BLOCK_BYTES, MADV_DONTNEED);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(6), ACCESS_WRITE), 0); /* the folio is large, but no block fits any more */
    EXPECT(mm->nr_mapped <= 7);
    check_address_space(mm);
    mm_put(mm);
    memobj_put(obj);
}

TEST(memobj, what_is_cut_off_may_be_broken_or_in_a_hole)
{
    struct memobj *obj = object_of(16);
    struct mm *mm = show(obj, 16, 0);
    struct insecure_mem *hole;

    test_allow_leak("a broken frame stays broken");
    ASSERT_EQ(touch_range(mm, TEST_BASE, PAGES(16), ACCESS_WRITE), 0);
    struct folio *f = memobj_find(obj, 0);
    ASSERT_EQ(folio_punch_hole(f, 10, 2, HOLE_INSECURE, &hole), 0);
    ASSERT_EQ(memory_failure(f->pfn + 12), 0);
    *(u8 *)pfn_address(f->pfn + 10) = 5; /* somebody else's byte */
    memobj_resize(obj, 9);
    EXPECT_EQ(*(u8 *)pfn_address(f->pfn + 10), 5);
    memobj_resize(obj, 16);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(9), ACCESS_READ), 0);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(10), ACCESS_READ), -EBUSY);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(12), ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(folio_mend_hole(hole), 0);
    folio_put(f);
    mm_put(mm);
    memobj_put(obj);
}

/* --- mapping at once --------------------------------------------------------------------------------- */
TEST(memobj, what_is_there_is_mapped_at_once)
{
    struct memobj *obj = object_of(200);
    struct folio *f;

    for (u64 page = 0; page < 200; page += 70) { /* four folios of 16 pages, the last of 8 */
        ASSERT((f = memobj_folio(obj, page)) != NULL);
        folio_put(f);
    }
    u64 pages = 0;
    for (u64 i = 0; (i = memobj_next(obj, i)) != ~0UL; i++)
        pages++;
    u64 faults = test_count(COUNTER_FAULT_OBJECT);
    struct mm *mm = show(obj, 300, QUIRE_MAP_NOW);
    EXPECT_EQ(mm->nr_mapped, pages);
    EXPECT(writable(mm, TEST_BASE + PAGES(3)));
    EXPECT(!pte_present(mm_lookup(mm, TEST_BASE + PAGES(20))));
    EXPECT_EQ(test_count(COUNTER_FAULT_OBJECT), faults);
    check_address_space(mm);
    mm_put(mm);
    mm = new_space();
    vaddr_t addr = TEST_BASE;
    ASSERT_EQ(mm_map(mm, &addr, PAGES(100), RW, MAP_PRIVATE | MAP_FIXED | QUIRE_MAP_NOW, obj, PAGES(5)), 0);
    EXPECT(pte_present(mm_lookup(mm, TEST_BASE)));
    EXPECT(!writable(mm, TEST_BASE));
    EXPECT_EQ(mm_fault(mm, TEST_BASE, ACCESS_WRITE), 0); /* a copy */
    check_address_space(mm);
    mm_put(mm);
    memobj_put(obj);
}

TEST(memobj, blocks_are_mapped_at_once)
{
    struct memobj *obj = object_of(3 * BLOCK_FRAMES);

    obj->large = true;
    for (u64 i = 0; i < 3; i += 2) {
        struct folio *f = memobj_folio(obj, i * BLOCK_FRAMES + 5);
        ASSERT(f != NULL);
        EXPECT_EQ(folio_order(f), BLOCK_ORDER);
        folio_put(f);
    }
    u64 blocks = test_count(COUNTER_BLOCK_MAP);
    struct mm *mm = show(obj, 3 * BLOCK_FRAMES, QUIRE_MAP_NOW);
    EXPECT_EQ(mm->nr_mapped, 2 * BLOCK_FRAMES);
    EXPECT_EQ(test_count(COUNTER_BLOCK_MAP) - blocks, arch_pt_block_ok(1) ? 2 : 0);
    check_address_space(mm);
    mm_put(mm);
    memobj_put(obj);
}

TEST(memobj, folios_with_holes_and_poison_are_left_to_faults)
{
    struct memobj *obj = object_of(48);
    struct insecure_mem *hole;
    struct folio *f[3];

    test_allow_leak("a broken frame stays broken");
    for (u64 i = 0; i < 3; i++)
        ASSERT((f[i] = memobj_folio(obj, i * 16)) != NULL);
    ASSERT_EQ(folio_punch_hole(f[0], 3, 2, HOLE_INSECURE, &hole), 0);
    ASSERT_EQ(memory_failure(f[2]->pfn + 4), 0);
    struct mm *mm = show(obj, 48, QUIRE_MAP_NOW);
    EXPECT_EQ(mm->nr_mapped, 16);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(3), ACCESS_READ), -EBUSY);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(36), ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(mm, TEST_BASE + PAGES(7), ACCESS_READ), 0);
    EXPECT_EQ(folio_mend_hole(hole), 0);
    check_address_space(mm);
    mm_put(mm);
    for (u64 i = 0; i < 3; i++)
        folio_put(f[i]);
    memobj_put(obj);
}

static int life_of_an_object(void *unused)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 2 * BLOCK_FRAMES, NULL);
    struct mm *mm = obj ? mm_create() : NULL;
    vaddr_t addr = TEST_BASE;
    int err = mm ? 0 : -ENOMEM;

    (void)unused;
    for (u64 page = 0; !err && page < 100; page += 33) {
        struct folio *f = memobj_folio(obj, page);
        if (f)
            folio_put(f);
        else
            err = -ENOMEM;
    }
    if (!err)
        err = mm_map(mm, &addr, BLOCK_BYTES, RW, MAP_SHARED | MAP_FIXED | QUIRE_MAP_NOW, obj, 0);
    if (!err) {
        memobj_resize(obj, 40);
        memobj_resize(obj, 60);
        err = touch_range(mm, addr, PAGES(60), ACCESS_WRITE);
    }
    if (mm)
        mm_put(mm);
    if (obj)
        memobj_put(obj);
    return err;
}

TEST(memobj, out_of_memory_at_any_point_of_its_life_leaves_nothing_behind)
{
    with_every_failure(life_of_an_object, NULL);
}
