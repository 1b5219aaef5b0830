/* SPDX-License-Identifier: MIT */
/*
 * Folios that are mapped only in part, and what happens to them when memory or an account runs out:
 * mm/parts/folio_trim.c.
 */
#include "helpers.h"
#include <quire/block.h>
#include <quire/errno.h>
#include <quire/folio_trim.h>
#include <quire/hole.h>
#include <quire/poison.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>

#define RW (PROT_READ | PROT_WRITE)
#define PAGES(n) ((vaddr_t)(n) << PAGE_SHIFT)
#define FOLIO_PAGES (1u << FOLIO_DEFAULT_ORDER)

/* nr default folios at TEST_BASE, each page with its number in it. */
static struct mm *filled(unsigned nr, struct quota *quota)
{
    struct mm *mm = mm_create();
    vaddr_t at = TEST_BASE;

    ASSERT(mm != NULL);
    if (quota)
        mm_set_quota(mm, quota);
    ASSERT_EQ(mm_map(mm, &at, PAGES(nr * FOLIO_PAGES), RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    for (u64 i = 0; i < nr * FOLIO_PAGES; i++)
        ASSERT_EQ(mm_write(mm, at + PAGES(i), &i, sizeof(i)), 0);
    return mm;
}

static u64 page_says(struct mm *mm, u64 page)
{
    pte_t e = mm_lookup(mm, TEST_BASE + PAGES(page));
    return pte_present(e) ? *(u64 *)pfn_address(pte_pfn(e)) : ~0UL;
}

static void unmap_pages(struct mm *mm, u64 first, u64 nr) { ASSERT_EQ(mm_unmap(mm, TEST_BASE + PAGES(first), PAGES(nr)), 0); }

/* Unmap all but the first page of each of the first nr folios. */
static void keep_first_pages(struct mm *mm, unsigned nr)
{
    for (unsigned i = 0; i < nr; i++)
        unmap_pages(mm, i * FOLIO_PAGES + 1, FOLIO_PAGES - 1);
}

TEST(trim, what_isnt_mapped_goes_back_and_what_is_stays)
{
    struct ledger before = ledger_read();
    struct quota *q = quota_create(4096);
    struct mm *mm = filled(8, q);
    u64 used = quota_used(q);

    folios_trim(NULL, ~0UL); /* partial folios that other tests have left */
    for (unsigned i = 0; i < 8; i++) /* of each folio page i is kept; of the last one, 0 to 3 and 8 as well */
        for (unsigned k = 0; k < FOLIO_PAGES; k++)
            if (k != i && (i < 7 || (k > 3 && k != 8)))
                unmap_pages(mm, i * FOLIO_PAGES + k, 1);
    u64 gone = 7 * (FOLIO_PAGES - 1) + FOLIO_PAGES - 6;
    EXPECT_EQ(quota_used(q), used); /* without the areas; see below */
    EXPECT_EQ(folios_trim(NULL, ~0UL), gone);
    EXPECT_EQ(quota_used(q), used - gone);
    EXPECT_EQ(folios_trim(NULL, ~0UL), 0);
    for (unsigned i = 0; i < 8; i++)
        EXPECT_EQ(page_says(mm, i * FOLIO_PAGES + i), i * FOLIO_PAGES + i);
    for (unsigned k = 0; k < 4; k++)
        EXPECT_EQ(page_says(mm, 7 * FOLIO_PAGES + k), 7 * FOLIO_PAGES + k);
    struct folio *f = mapped_folio(pte_pfn(mm_lookup(mm, TEST_BASE + PAGES(7 * FOLIO_PAGES + 3))));
    EXPECT_EQ(folio_order(f), 2); /* as large as possible */
    EXPECT_EQ(folio_map_count(f), 4);
    EXPECT_EQ(folio_ref_count(f), 4);
    check_address_space(mm);
    struct mm *child = mm_clone(mm); /* and the parts are ordinary folios */
    EXPECT_EQ(touch_range(child, TEST_BASE, PAGE_SIZE, ACCESS_WRITE), 0);
    EXPECT_EQ(page_says(mm, 0), 0);
    mm_put(child);
    mm_put(mm);
    quota_put(q);
    EXPECT_LEDGER(before);
}

TEST(trim, a_block_in_pieces_keeps_its_groups)
{
    if (!arch_pt_block_ok(1))
        SKIP("this machine has no blocks");
    struct mm *mm = mm_create();
    vaddr_t at = TEST_BASE;

    ASSERT_EQ(mm_map(mm, &at, BLOCK_BYTES, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(mm_madvise(mm, at, BLOCK_BYTES, MADV_HUGEPAGE), 0);
    ASSERT_EQ(mm_fault(mm, at, ACCESS_WRITE), 0);
    ASSERT(block_at(&mm->root, at) != NULL);
    folios_trim(NULL, ~0UL);
    for (u64 i = 0; i < BLOCK_FRAMES; i += 64) /* 64 pages: 3 go, 29 stay, 32 go */
        for (unsigned k = 0; k < 64; k++)
            if (k < 3 || k >= 32)
                ASSERT_EQ(mm_unmap(mm, at + PAGES(i + k), PAGE_SIZE), 0);
    EXPECT_EQ(folios_trim(NULL, ~0UL), BLOCK_FRAMES / 64 * 35);
    struct folio *f = mapped_folio(pte_pfn(mm_lookup(mm, at + PAGES(16))));
    EXPECT_EQ(folio_order(f), 4);
    check_address_space(mm);
    mm_put(mm);
}

TEST(trim, whatever_somebody_else_uses_stays_whole)
{
    struct mm *mm = filled(3, NULL), *child;
    struct insecure_mem *h;

    folios_trim(NULL, ~0UL);
    struct folio *first = mapped_folio(pte_pfn(mm_lookup(mm, TEST_BASE)));
    struct folio *second = mapped_folio(pte_pfn(mm_lookup(mm, TEST_BASE + PAGES(FOLIO_PAGES))));
    struct folio *third = mapped_folio(pte_pfn(mm_lookup(mm, TEST_BASE + PAGES(2 * FOLIO_PAGES))));
    folio_get(first);
    folio_get(second);
    for (unsigned i = 0; i < 3; i++)
        unmap_pages(mm, i * FOLIO_PAGES + 1, FOLIO_PAGES - 1);
    ASSERT_EQ(folio_punch_hole(second, 3, 1, HOLE_RESERVED, &h), 0);
    ASSERT((child = mm_clone(mm)) != NULL);
    EXPECT_EQ(folios_trim(NULL, ~0UL), 0); /* not trimmed: a reference; a hole and a reference; another address space */
    EXPECT_EQ(folio_order(first), FOLIO_DEFAULT_ORDER);
    mm_put(child);
    EXPECT_EQ(folios_trim(NULL, ~0UL), FOLIO_PAGES - 1);
    EXPECT_EQ(folio_order(third), 0);
    folio_put(first);
    EXPECT_EQ(folios_trim(NULL, ~0UL), FOLIO_PAGES - 1);
    EXPECT_EQ(folio_mend_hole(h), 0);
    folio_put(second);
    EXPECT_EQ(folios_trim(NULL, ~0UL), FOLIO_PAGES - 1);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_EQ(page_says(mm, i * FOLIO_PAGES), i * FOLIO_PAGES);
    check_address_space(mm);
    mm_put(mm);
}

/* One page of every folio is kept, again and again; without trimming the account would be full many times over. */
/* A trim that looks at a folio while parent and child share it mustn't forget it. */
TEST(trim, what_a_child_keeps_of_its_parents_folios_is_cut_once_the_parent_is_gone)
{
    struct mm *mm = filled(4, NULL), *child = mm_clone(mm);

    ASSERT(child != NULL);
    folios_trim(NULL, ~0UL);
    keep_first_pages(child, 4);
    EXPECT_EQ(folios_trim(NULL, ~0UL), 0);
    EXPECT_EQ(folios_trim(NULL, ~0UL), 0);
    mm_put(mm);
    EXPECT_EQ(folios_trim(NULL, ~0UL), 4 * (FOLIO_PAGES - 1));
    for (unsigned i = 0; i < 4; i++)
        EXPECT_EQ(page_says(child, i * FOLIO_PAGES), i * FOLIO_PAGES);
    mm_put(child);
}

TEST(trim, an_account_that_is_full_of_parts_isnt_full)
{
    struct ledger before = ledger_read();
    struct quota *q = quota_create(1024);
    struct mm *mm = mm_create();

    mm_set_quota(mm, q);
    for (u64 i = 0; i < 256; i++) { /* 4,096 pages touched, 256 kept */
        vaddr_t at = TEST_BASE + i * FOLIO_PAGES * PAGE_SIZE, end = at + FOLIO_PAGES * PAGE_SIZE;
        ASSERT_EQ(mm_map(mm, &at, end - at, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0), 0);
        ASSERT_EQ(mm_write(mm, at, &i, sizeof(i)), 0);
        ASSERT_EQ(touch_range(mm, at, end - at, ACCESS_WRITE), 0);
        ASSERT_EQ(i & 1 ? mm_unmap(mm, at + PAGE_SIZE, end - at - PAGE_SIZE)
                        : mm_madvise(mm, at + PAGE_SIZE, end - at - PAGE_SIZE, MADV_DONTNEED),
                  0);
    }
    for (u64 i = 0; i < 256; i++)
        EXPECT_EQ(page_says(mm, i * FOLIO_PAGES), i);
    EXPECT(quota_used(q) <= 1024);
    check_address_space(mm);
    mm_put(mm);
    EXPECT_EQ(quota_used(q), 0);
    quota_put(q);
    EXPECT_LEDGER(before);
}

/*
 * An account that runs out cuts its own folios first. Folios of others are cut only if this helps: they can't help
 * against the account's own limit.
 */
TEST(trim, each_account_has_its_own)
{
    struct quota *a = quota_create(1024), *b = quota_create(1024);
    struct mm *theirs = filled(4, a), *ours = filled(2, b);

    folios_trim(NULL, ~0UL);
    keep_first_pages(theirs, 4);
    EXPECT_EQ(folios_trim(b, ~0UL), 0);
    keep_first_pages(ours, 2);
    EXPECT_EQ(folios_trim_for(b), 2 * (FOLIO_PAGES - 1));
    u64 room = quota_limit(b) - quota_used(b);
    ASSERT(quota_charge(b, room));
    EXPECT_EQ(folios_trim_for(b), 0); /* it is full: folios of other accounts wouldn't help */
    quota_uncharge(b, room);
    EXPECT_EQ(folios_trim_for(b), 4 * (FOLIO_PAGES - 1));
    EXPECT_EQ(folios_trim(NULL, ~0UL), 0);
    mm_put(ours);
    mm_put(theirs);
    quota_put(a);
    quota_put(b);
}

/* Accounts take turns, so that no account pays for all. */
TEST(trim, accounts_have_turns)
{
    struct quota *a = quota_create(1024), *b = quota_create(1024);
    struct mm *one = filled(3, a), *other = filled(3, b);

    folios_trim(NULL, ~0UL);
    keep_first_pages(one, 3);
    keep_first_pages(other, 3);
    u64 before_a = quota_used(a), before_b = quota_used(b);
    EXPECT_EQ(folios_trim(NULL, 2 * (FOLIO_PAGES - 1)), 2 * (FOLIO_PAGES - 1));
    EXPECT_EQ(before_a - quota_used(a), FOLIO_PAGES - 1);
    EXPECT_EQ(before_b - quota_used(b), FOLIO_PAGES - 1);
    folios_trim(NULL, ~0UL);
    mm_put(one);
    mm_put(other);
    quota_put(a);
    quota_put(b);
}

/* Descriptors for the parts are allocated first: without them nothing changes, and the next request tries again. */
static struct mm *failing_mm;
static int trim_all(void *unused)
{
    (void)unused;
    return folios_trim(NULL, ~0UL) ? 0 : -ENOMEM;
}
TEST(trim, without_descriptors_nothing_changes)
{
    failing_mm = filled(1, NULL);
    folios_trim(NULL, ~0UL);
    for (unsigned k = 1; k < FOLIO_PAGES; k += 2)
        unmap_pages(failing_mm, k, 1);
    for (u64 n = 1; n <= FOLIO_PAGES / 2 - 1; n++) {
        fail_nth(n);
        EXPECT_EQ(trim_all(NULL), -ENOMEM);
        EXPECT_EQ(fail_nth(0), 0);
        EXPECT_EQ(folio_order(mapped_folio(pte_pfn(mm_lookup(failing_mm, TEST_BASE)))), FOLIO_DEFAULT_ORDER);
        check_address_space(failing_mm);
    }
    EXPECT_EQ(trim_all(NULL), 0);
    check_address_space(failing_mm);
    mm_put(failing_mm);
}
