/* SPDX-License-Identifier: MIT */
/* Splitting folios and joining them again. */
#include <quire/errno.h>
#include <quire/folio.h>
#include <quire/hole.h>
#include <quire/memobj.h>
#include <quire/poison.h>
#include <quire/slab.h>
#include <quire/test.h>

static struct folio *folio_at(pfn_t pfn)
{
    memdesc_t word = memdesc_read(pfn);
    return memdesc_type(word) == MEMDESC_FOLIO ? memdesc_pointer(word) : NULL;
}

/* Put every folio in [pfn, pfn + nr), one reference each. */
static void put_all(pfn_t pfn, u64 nr)
{
    for (pfn_t at = pfn; at < pfn + nr;) {
        struct folio *f = folio_at(at);
        ASSERT(f != NULL);
        at += folio_nr_pages(f);
        folio_put(f);
    }
}

TEST(split, every_part_is_a_folio_of_the_new_order)
{
    for (unsigned order = 1; order <= 6; order++)
        for (unsigned to = 0; to < order; to++) {
            struct folio *f = folio_alloc(order, 0);
            ASSERT(f != NULL);
            pfn_t pfn = f->pfn;
            ASSERT_EQ(folio_split(f, to), 0);
            EXPECT(folio_at(pfn) == f);
            for (u64 i = 0; i < 1UL << order; i++) {
                struct folio *part = folio_at(pfn + i);
                EXPECT_EQ(folio_order(part), to);
                EXPECT_EQ(folio_pfn(part), pfn + (i >> to << to));
                EXPECT_EQ(folio_ref_count(part), 1);
            }
            put_all(pfn, 1UL << order);
        }
}

TEST(split, around_a_block_makes_one_part_per_order)
{
    struct folio *f = folio_alloc(8, 0);
    ASSERT(f != NULL);
    pfn_t pfn = f->pfn;
    unsigned seen[9] = {0};

    ASSERT_EQ(folio_split_around(f, 100, 2), 0);
    for (pfn_t at = pfn; at < pfn + 256;) {
        struct folio *part = folio_at(at);
        seen[folio_order(part)]++;
        at += folio_nr_pages(part);
    }
    EXPECT_EQ(folio_order(folio_at(pfn + 100)), 2);
    EXPECT_EQ(folio_pfn(folio_at(pfn + 101)), pfn + 100);
    EXPECT_EQ(seen[2], 2); /* the block and its buddy */
    for (unsigned order = 3; order < 8; order++)
        EXPECT_EQ(seen[order], 1);
    put_all(pfn, 256);
}

TEST(split, refused_while_somebody_else_holds_a_reference)
{
    struct folio *f = folio_alloc(3, 0);
    ASSERT(f != NULL);
    folio_get(f);
    EXPECT_EQ(folio_split(f, 0), -EAGAIN);
    EXPECT_EQ(folio_split_around(f, 0, 0), -EAGAIN);
    EXPECT_EQ(folio_ref_count(f), 2);
    EXPECT_EQ(folio_order(f), 3);
    folio_put(f);
    folio_add_mappings(f, 1);
    EXPECT_EQ(folio_split(f, 0), -EAGAIN);
    folio_remove_mappings(f, 1);
    folio_put(f);
}

TEST(split, refused_with_holes_and_for_bad_orders)
{
    struct folio *f = folio_alloc(4, 0);
    struct insecure_mem *hole;
    ASSERT(f != NULL);
    ASSERT_EQ(folio_punch_hole(f, 3, 1, HOLE_RESERVED, &hole), 0);
    EXPECT_EQ(folio_split(f, 0), -EBUSY);
    EXPECT_EQ(folio_mend_hole(hole), 0);
    EXPECT_EQ(folio_split(f, 4), -EINVAL);
    EXPECT_EQ(folio_split(f, 9), -EINVAL);
    EXPECT_EQ(folio_split_around(f, 1, 1), -EINVAL);
    EXPECT_EQ(folio_split_around(f, 16, 0), -EINVAL);
    EXPECT_EQ(folio_order(f), 4);
    folio_put(f);
}

TEST(split, refused_with_poison)
{
    struct folio *f = folio_alloc(3, 0), *joined;
    ASSERT(f != NULL);
    pfn_t pfn = f->pfn;
    ASSERT_EQ(folio_split(f, 2), 0);
    ASSERT_EQ(memory_failure(pfn + 5), 0);
    EXPECT_EQ(folio_split(folio_at(pfn + 4), 0), -EBUSY);
    EXPECT_EQ(folio_split_around(folio_at(pfn + 4), 1, 0), -EBUSY);
    EXPECT_EQ(folio_join(f, 3, &joined), -EBUSY);
    EXPECT_EQ(folio_order(folio_at(pfn + 4)), 2);
    EXPECT_EQ(folio_ref_count(f), 1);
    folio_put(f);
    folio_put(folio_at(pfn + 4));
    test_allow_leak("a broken frame never comes back");
}

/* A folio like those of private memory: it holds a reference to its owner and has an index there. */
static struct folio *private_folio(struct memobj *owner, unsigned order, u64 index)
{
    struct folio *f = folio_alloc(order, 0);
    ASSERT(f != NULL);
    memobj_get(owner);
    f->owner = owner;
    f->index = index;
    return f;
}

TEST(split, each_private_part_keeps_its_owner_alive)
{
    struct memobj *owner = memobj_create(MEMOBJ_ANON, 0, NULL);
    ASSERT(owner != NULL);
    struct folio *f = private_folio(owner, 3, 64), *joined;
    pfn_t pfn = f->pfn;

    ASSERT_EQ(folio_split(f, 1), 0);
    EXPECT_EQ(owner->refs, 1 + 4);
    for (u64 i = 0; i < 8; i += 2) {
        struct folio *part = folio_at(pfn + i);
        EXPECT(part->owner == owner);
        EXPECT_EQ(part->index, 64 + i);
        EXPECT_EQ(folio_ref_count(part), 1);
    }
    ASSERT_EQ(folio_join(f, 3, &joined), 0);
    EXPECT_EQ(owner->refs, 1 + 1);
    EXPECT_EQ(joined->index, 64);
    ASSERT_EQ(folio_split_around(joined, 2, 0), 0); /* 2, 1 + 1, 4 */
    EXPECT_EQ(owner->refs, 1 + 4);
    put_all(pfn, 8);
    EXPECT_EQ(owner->refs, 1);
    memobj_put(owner);
}

TEST(split, out_of_memory_at_any_point_changes_nothing)
{
    for (u64 n = 1; n <= 7; n++) {
        struct folio *f = folio_alloc(3, 0);
        ASSERT(f != NULL);
        fail_nth(n);
        EXPECT_EQ(folio_split(f, 0), -ENOMEM);
        fail_nth(0);
        EXPECT_EQ(folio_order(f), 3);
        EXPECT_EQ(folio_ref_count(f), 1);
        EXPECT(folio_at(f->pfn + 7) == f);
        folio_put(f);
    }
}

TEST(split, a_backed_objects_tree_follows)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 8, NULL);
    struct folio *f = folio_alloc(3, 0), *joined;
    ASSERT(obj && f);
    ASSERT_EQ(memobj_add_folio(obj, 0, f), 0);
    folio_get(f); /* the object gets the first reference */
    ASSERT_EQ(folio_split(f, 1), 0);
    for (u64 i = 0; i < 8; i++) {
        struct folio *part = memobj_folio(obj, i);
        EXPECT(part == folio_at(f->pfn + i));
        EXPECT_EQ(part->index, i / 2 * 2);
        folio_put(part);
    }
    ASSERT_EQ(folio_join(f, 3, &joined), 0);
    EXPECT(joined == f);
    struct folio *part = memobj_folio(obj, 7);
    EXPECT(part == f);
    folio_put(part);
    folio_put(f);
    memobj_put(obj);
}

TEST(join, brings_back_what_split_took_apart)
{
    for (unsigned to = 0; to < 5; to++) {
        struct folio *f = folio_alloc(5, 0), *joined = NULL;
        ASSERT(f != NULL);
        pfn_t pfn = f->pfn;
        ASSERT_EQ(folio_split(f, to), 0);
        ASSERT_EQ(folio_join(f, 5, &joined), 0);
        EXPECT_EQ(folio_order(joined), 5);
        EXPECT_EQ(folio_pfn(joined), pfn);
        EXPECT_EQ(folio_ref_count(joined), 1);
        for (u64 i = 0; i < 32; i++)
            EXPECT(folio_at(pfn + i) == joined);
        folio_put(joined);
    }
}

TEST(join, refused_while_a_part_is_referenced)
{
    struct folio *f = folio_alloc(3, 0), *joined;
    ASSERT(f != NULL);
    pfn_t pfn = f->pfn;
    ASSERT_EQ(folio_split(f, 1), 0);
    struct folio *last = pfn_folio_get(pfn + 7);
    EXPECT_EQ(folio_join(f, 3, &joined), -EAGAIN);
    for (u64 i = 0; i < 8; i += 2) /* and no folio is left frozen */
        EXPECT_EQ(folio_ref_count(folio_at(pfn + i)), i == 6 ? 2 : 1);
    folio_put(last);
    EXPECT_EQ(folio_join(f, 3, &joined), 0);
    folio_put(joined);
}

TEST(join, refused_for_strangers_and_wrong_places)
{
    struct folio *f = folio_alloc(2, 0), *joined;
    ASSERT(f != NULL);
    pfn_t pfn = f->pfn;
    ASSERT_EQ(folio_split(f, 0), 0);
    struct folio *second = folio_at(pfn + 1);
    EXPECT_EQ(folio_join(second, 1, &joined), -EINVAL);
    EXPECT_EQ(folio_join(f, 0, &joined), -EINVAL);
    EXPECT_EQ(folio_join(f, 19, &joined), -EINVAL);
    folio_put(second);
    EXPECT_EQ(folio_join(f, 1, &joined), -EBUSY); /* that frame is free by now */
    EXPECT_EQ(folio_ref_count(f), 1);
    folio_put(f);
    folio_put(folio_at(pfn + 2));
    folio_put(folio_at(pfn + 3));
}

TEST(join, refused_for_parts_of_two_owners_or_of_two_places)
{
    struct memobj *owner = memobj_create(MEMOBJ_ANON, 0, NULL), *stranger = memobj_create(MEMOBJ_ANON, 0, NULL);
    ASSERT(owner && stranger);
    struct folio *f = private_folio(owner, 1, 10), *joined;
    pfn_t pfn = f->pfn;
    ASSERT_EQ(folio_split(f, 0), 0);
    struct folio *second = folio_at(pfn + 1);
    second->owner = stranger;
    EXPECT_EQ(folio_join(f, 1, &joined), -EBUSY);
    second->owner = owner;
    second->index = 12;
    EXPECT_EQ(folio_join(f, 1, &joined), -EBUSY);
    EXPECT_EQ(folio_ref_count(f), 1);
    EXPECT_EQ(folio_ref_count(second), 1);
    second->index = 11;
    EXPECT_EQ(folio_join(f, 1, &joined), 0);
    folio_put(joined);
    EXPECT_EQ(owner->refs, 1);
    memobj_put(owner);
    memobj_put(stranger);
}

TEST(join, refused_with_a_hole)
{
    struct folio *f = folio_alloc(3, 0), *joined;
    struct insecure_mem *hole;
    ASSERT(f != NULL);
    pfn_t pfn = f->pfn;
    ASSERT_EQ(folio_split(f, 2), 0);
    ASSERT_EQ(folio_punch_hole(folio_at(pfn + 4), 1, 1, HOLE_RESERVED, &hole), 0);
    EXPECT_EQ(folio_join(f, 3, &joined), -EBUSY);
    EXPECT_EQ(folio_mend_hole(hole), 0);
    EXPECT_EQ(folio_join(f, 3, &joined), 0);
    folio_put(joined);
}
