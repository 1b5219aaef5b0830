/* SPDX-License-Identifier: MIT */
/* Memory objects: their pages are folios, and they have an end. */
#include "helpers.h"
#include <quire/errno.h>
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
