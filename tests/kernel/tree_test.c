/* SPDX-License-Identifier: MIT */
/* Balanced trees and radix trees, compared with simple models. */
#include "helpers.h"
#include <quire/errno.h>
#include <quire/memobj.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/tree.h>

#define NR 64

static struct tree_node nodes[NR];

/* Height of a subtree that is ordered, linked and balanced; -1: it isn't. */
static int checked_height(const struct tree_node *n, const struct tree_node *parent, u64 low,
                          u64 high)
{
    if (!n)
        return 0;
    if (n->parent != parent || n->key < low || n->key > high)
        return -1;
    int left = n->key ? checked_height(n->child[0], n, low, n->key - 1) : n->child[0] ? -1 : 0;
    int right = checked_height(n->child[1], n, n->key + 1, high);
    if (left < 0 || right < 0 || left - right > 1 || right - left > 1 ||
        n->height != MAX(left, right) + 1)
        return -1;
    return n->height;
}

static void check_against(const struct tree *t, u64 present)
{
    unsigned count = 0;

    EXPECT(checked_height(t->root, NULL, 0, ~0UL) >= 0);
    EXPECT_EQ(t->count, __builtin_popcountl(present));
    for (const struct tree_node *n = tree_first(t), *before = NULL; n;
         before = n, n = tree_next(n)) {
        EXPECT(!before || before->key < n->key);
        EXPECT(tree_prev(n) == before);
        EXPECT(present >> n->key & 1);
        count++;
    }
    EXPECT_EQ(count, t->count);
}

TEST(tree, any_order_of_insertion_and_removal_keeps_it_balanced)
{
    struct tree t = {0};
    u64 present = 0;

    for (unsigned step = 0; step < 1200; step++) {
        unsigned key = test_rand() % NR;
        if (present >> key & 1) {
            EXPECT(!tree_insert(&t, &nodes[0], key)); /* no two nodes share a key */
            tree_remove(&t, &nodes[key]);
        } else {
            EXPECT(tree_insert(&t, &nodes[key], key));
        }
        present ^= 1UL << key;
        if (step % 8 == 0)
            check_against(&t, present);
    }
}

TEST(tree, ascending_and_descending_keys_stay_flat)
{
    for (unsigned down = 0; down < 2; down++) {
        struct tree t = {0};
        for (unsigned i = 0; i < NR; i++)
            EXPECT(tree_insert(&t, &nodes[i], down ? NR - 1 - i : i));
        EXPECT(t.root->height <= 9); /* 1.44 log2(66) */
        check_against(&t, ~0UL);
        for (unsigned i = 0; i < NR; i++) {
            tree_remove(&t, &nodes[i]);
            EXPECT(checked_height(t.root, NULL, 0, ~0UL) >= 0);
        }
        EXPECT(t.root == NULL && t.count == 0);
    }
}

TEST(tree, look_ups_agree_with_a_scan)
{
    struct tree t = {0};
    u64 present = 0x8001200400030411;

    for (unsigned k = 0; k < 64; k++)
        if (present >> k & 1)
            tree_insert(&t, &nodes[k], k);
    for (unsigned k = 0; k < 64; k++) {
        u64 below = present & (k == 63 ? ~0UL : (2UL << k) - 1), above = present >> k << k;
        const struct tree_node *lo = tree_at_or_below(&t, k), *hi = tree_at_or_above(&t, k),
                               *at = tree_find(&t, k);
        EXPECT_EQ(at ? at->key : 99, present >> k & 1 ? k : 99);
        EXPECT_EQ(lo ? lo->key : 99, below ? 63u - (u64)__builtin_clzl(below) : 99);
        EXPECT_EQ(hi ? hi->key : 99, above ? (u64)__builtin_ctzl(above) : 99);
    }
    EXPECT_EQ(tree_at_or_below(&t, ~0UL)->key, 63);
    EXPECT(tree_at_or_above(&t, 64) == NULL);
}

TEST(tree, an_empty_one_has_nothing)
{
    struct tree t = {0};

    EXPECT(tree_first(&t) == NULL);
    EXPECT(tree_find(&t, 0) == NULL);
    EXPECT(tree_at_or_below(&t, ~0UL) == NULL);
    EXPECT(tree_at_or_above(&t, 0) == NULL);
}

/* --- radix ----------------------------------------------------------------------------- */
TEST(radix, it_returns_what_was_set_at_any_index)
{
    struct radix_tree t = {0};
    static const u64 index[] = {
        0, 1, 63, 64, 65, 4095, 4096, 262143, 262144, 1UL << 30, (1UL << 36) - 1};

    for (unsigned i = 0; i < ARRAY_SIZE(index); i++) {
        EXPECT(radix_get(&t, index[i]) == NULL);
        EXPECT_EQ(radix_set(&t, index[i], &nodes[i]), 0);
        for (unsigned k = 0; k <= i; k++)
            EXPECT(radix_get(&t, index[k]) == &nodes[k]);
        EXPECT(radix_get(&t, index[i] + 2) == NULL);
    }
    EXPECT_EQ(radix_set(&t, 64, &nodes[20]), 0); /* overwrites */
    EXPECT(radix_get(&t, 64) == &nodes[20]);
    EXPECT_EQ(radix_set(&t, 64, NULL), 0);
    EXPECT(radix_get(&t, 64) == NULL);
    EXPECT(radix_get(&t, 65) == &nodes[4]);
    EXPECT_EQ(radix_set(&t, 1UL << 36, &nodes[0]), -EINVAL);
    EXPECT(radix_get(&t, 1UL << 36) == NULL);
    EXPECT(radix_get(&t, ~0UL) == NULL);
    radix_destroy(&t);
}

TEST(radix, removing_what_is_not_there_allocates_nothing)
{
    struct radix_tree t = {0};
    struct ledger before = ledger_read();

    EXPECT_EQ(radix_set(&t, 100000, NULL), 0);
    EXPECT_LEDGER(before);
    EXPECT_EQ(radix_set(&t, 5, &nodes[0]), 0);
    radix_destroy(&t);
    EXPECT_LEDGER(before);
}

static int fill_radix(void *unused)
{
    struct radix_tree t = {0};
    int err = 0;

    (void)unused;
    for (u64 i = 0; !err && i < 6; i++) {
        err = radix_set(&t, 1UL << (6 * i), &nodes[i]);
        EXPECT(radix_get(&t, 1UL << (6 * i)) == (err ? NULL : &nodes[i]));
        for (u64 k = 0; k < i; k++)
            EXPECT(radix_get(&t, 1UL << (6 * k)) == &nodes[k]);
    }
    radix_destroy(&t);
    return err;
}

TEST(radix, out_of_memory_changes_nothing) { with_every_failure(fill_radix, NULL); }

TEST(memobj, its_pages_are_made_once_and_shared)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 10, NULL);
    struct folio *a = memobj_folio(obj, 3), *b = memobj_folio(obj, 3);

    EXPECT(a && a == b);
    EXPECT_EQ(folio_ref_count(a), 3);
    EXPECT(a->owner == obj && a->index == 3);
    EXPECT(memobj_folio(obj, 10) == NULL);
    folio_put_many(a, 2);
    memobj_put(obj);
}

TEST(memobj, a_folio_is_added_whole_or_not_at_all)
{
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 20, NULL);
    struct folio *f = folio_alloc(2, 0), *other = folio_alloc(0, 0);

    ASSERT(f && other);
    EXPECT_EQ(memobj_add_folio(obj, 6, other), 0);
    EXPECT_EQ(memobj_add_folio(obj, 4, f), -EEXIST); /* page 6 is taken */
    for (unsigned i = 0; i < 20; i++)
        if (i != 6)
            EXPECT(radix_get(&obj->folios, i) == NULL);
    EXPECT_EQ(memobj_add_folio(obj, 17, f), -EINVAL);
    EXPECT_EQ(memobj_add_folio(obj, 20, f), -EINVAL);
    EXPECT_EQ(memobj_add_folio(obj, ~0UL, f), -EINVAL);
    EXPECT(f->owner == NULL);
    EXPECT_EQ(memobj_add_folio(obj, 16, f), 0);
    struct folio *found = memobj_folio(obj, 19);
    EXPECT(found == f);
    folio_put(found);
    memobj_put(obj);
}
