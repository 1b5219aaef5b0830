/* SPDX-License-Identifier: MIT */
/*
 * Blocks of 2 MiB in user space: when one is made, and what happens to it when only a part is unmapped, protected,
 * written, poisoned or punched. The pages must keep their contents and rights.
 */
#include "helpers.h"
#include <quire/block.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/hole.h>
#include <quire/poison.h>
#include <quire/quota.h>
#include <quire/slab.h>

static void need_blocks(void)
{
    if (!arch_pt_block_ok(1))
        SKIP("no blocks of level 1 on this machine (EDAT-1)");
}

/* An area as large as two blocks, with MADV_HUGEPAGE, all of it touched. */
static struct mm *two_blocks(vaddr_t *base)
{
    struct mm *mm = mm_create();

    *base = TEST_BASE;
    ASSERT(mm);
    ASSERT_EQ(mm_map(mm, base, 2 * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(mm_madvise(mm, *base, 2 * BLOCK_BYTES, MADV_HUGEPAGE), 0);
    for (unsigned i = 0; i < 2; i++) {
        ASSERT_EQ(mm_fault(mm, *base + i * BLOCK_BYTES + 5 * PAGE_SIZE, ACCESS_WRITE), 0);
        ASSERT(block_at(&mm->root, *base + i * BLOCK_BYTES));
    }
    return mm;
}

static void frames_follow(struct mm *mm, vaddr_t base, pfn_t pfn)
{
    for (u64 i = 0; i < BLOCK_FRAMES; i++) {
        pte_t e = mm_lookup(mm, base + i * PAGE_SIZE);
        if (pte_present(e))
            EXPECT_EQ(pte_pfn(e), pfn + i);
    }
}

TEST(block, memory_that_wants_blocks_gets_them)
{
    vaddr_t base;

    need_blocks();
    struct ledger before = ledger_read();
    struct mm *mm = two_blocks(&base);
    pte_t e = mm_lookup(mm, base + BLOCK_BYTES + 17 * PAGE_SIZE);
    struct folio *f = mapped_folio(pte_pfn(e));
    EXPECT(pte_present(e) && pte_write(e) && pte_user(e) && !pte_exec(e));
    EXPECT_EQ(folio_order(f), BLOCK_ORDER);
    EXPECT_EQ(folio_map_count(f), BLOCK_FRAMES); /* a block counts all its frames */
    EXPECT_EQ(folio_ref_count(f), BLOCK_FRAMES);
    frames_follow(mm, base + BLOCK_BYTES, f->pfn);
    EXPECT_EQ(mm->nr_mapped, 2 * BLOCK_FRAMES);
    for (u64 i = 0; i < BLOCK_FRAMES; i += 37)
        EXPECT_EQ(*user_byte(mm, base + i * PAGE_SIZE), 0);
    mm_put(mm);
    EXPECT_LEDGER(before);
}

TEST(block, where_size_alignment_or_memory_forbid_one_there_are_pages)
{
    need_blocks();
    struct mm *mm = mm_create();
    vaddr_t base = TEST_BASE + PAGE_SIZE;
    ASSERT_EQ(mm_map(mm, &base, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(mm_madvise(mm, base, BLOCK_BYTES, MADV_HUGEPAGE), 0);
    EXPECT_EQ(mm_fault(mm, base + 9 * PAGE_SIZE, ACCESS_WRITE), 0);
    EXPECT(!block_at(&mm->root, base + 9 * PAGE_SIZE));
    EXPECT(pte_present(mm_lookup(mm, base + 9 * PAGE_SIZE)));
    struct quota *q = quota_create(BLOCK_FRAMES / 2);
    struct mm *poor = mm_create();
    mm_set_quota(poor, q);
    base = TEST_BASE;
    ASSERT_EQ(mm_map(poor, &base, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0), 0);
    ASSERT_EQ(mm_madvise(poor, base, BLOCK_BYTES, MADV_HUGEPAGE), 0);
    EXPECT_EQ(mm_fault(poor, base, ACCESS_WRITE), 0); /* its quota doesn't allow 2 MiB: a smaller folio */
    EXPECT(!block_at(&poor->root, base));
    EXPECT(pte_present(mm_lookup(poor, base)));
    mm_put(mm);
    mm_put(poor);
    quota_put(q);
}

TEST(block, unmapping_a_part_splits_and_the_whole_does_not)
{
    vaddr_t base;

    need_blocks();
    struct ledger before = ledger_read();
    struct mm *mm = two_blocks(&base);
    pfn_t pfn = pte_pfn(mm_lookup(mm, base));
    u64 splits = test_count(COUNTER_BLOCK_SPLIT);
    EXPECT_EQ(mm_unmap(mm, base + BLOCK_BYTES, BLOCK_BYTES), 0);
    EXPECT_EQ(test_count(COUNTER_BLOCK_SPLIT), splits);
    EXPECT(!pte_present(mm_lookup(mm, base + BLOCK_BYTES)));
    EXPECT_EQ(mm_unmap(mm, base + 100 * PAGE_SIZE, 50 * PAGE_SIZE), 0);
    EXPECT_EQ(test_count(COUNTER_BLOCK_SPLIT), splits + 1);
    EXPECT(!block_at(&mm->root, base));
    for (u64 i = 0; i < BLOCK_FRAMES; i++)
        EXPECT_EQ(pte_present(mm_lookup(mm, base + i * PAGE_SIZE)), i < 100 || i >= 150);
    frames_follow(mm, base, pfn);
    EXPECT_EQ(folio_map_count(mapped_folio(pfn)), BLOCK_FRAMES - 50);
    mm_put(mm);
    EXPECT_LEDGER(before);
}

TEST(block, protecting_the_whole_keeps_it_and_a_part_splits)
{
    vaddr_t base;

    need_blocks();
    struct mm *mm = two_blocks(&base);
    pfn_t pfn = pte_pfn(mm_lookup(mm, base));
    EXPECT_EQ(mm_protect(mm, base, 2 * BLOCK_BYTES, PROT_READ), 0);
    EXPECT(block_at(&mm->root, base) && block_at(&mm->root, base + BLOCK_BYTES));
    EXPECT(!pte_write(mm_lookup(mm, base + 3 * PAGE_SIZE)));
    EXPECT_EQ(mm_fault(mm, base, ACCESS_WRITE), -EACCES);
    EXPECT_EQ(mm_protect(mm, base, 2 * BLOCK_BYTES, PROT_READ | PROT_WRITE), 0);
    EXPECT_EQ(mm_fault(mm, base, ACCESS_WRITE), 0); /* only this space maps it: the whole block is written in place */
    pte_t last = mm_lookup(mm, base + 511 % BLOCK_FRAMES * PAGE_SIZE);
    EXPECT(block_at(&mm->root, base) && pte_write(last) && pte_dirty(last) && pte_young(last));
    EXPECT_EQ(mm_protect(mm, base + PAGE_SIZE, PAGE_SIZE, PROT_NONE), 0);
    EXPECT(!block_at(&mm->root, base) && block_at(&mm->root, base + BLOCK_BYTES));
    EXPECT(!pte_accessible(mm_lookup(mm, base + PAGE_SIZE)) && pte_accessible(mm_lookup(mm, base)));
    EXPECT(pte_write(mm_lookup(mm, base)));
    /* becomes pages: there is no block without access */
    EXPECT_EQ(mm_protect(mm, base + BLOCK_BYTES, BLOCK_BYTES, PROT_NONE), 0);
    EXPECT(!pte_accessible(mm_lookup(mm, base + BLOCK_BYTES)));
    frames_follow(mm, base, pfn);
    mm_put(mm);
}

TEST(block, fork_shares_the_block_and_a_write_copies_only_what_it_needs)
{
    vaddr_t base;

    need_blocks();
    struct ledger start = ledger_read();
    struct mm *mm = two_blocks(&base);
    *user_byte(mm, base + 7 * PAGE_SIZE) = 42;
    struct ledger before = ledger_read();
    struct mm *child = mm_clone(mm);
    ASSERT(child);
    struct folio *f = mapped_folio(pte_pfn(mm_lookup(mm, base)));
    EXPECT(block_at(&mm->root, base) && block_at(&child->root, base));
    EXPECT(!pte_write(mm_lookup(mm, base)) && !pte_write(mm_lookup(child, base)));
    EXPECT_EQ(folio_map_count(f), 2 * BLOCK_FRAMES);
    EXPECT_EQ(mm_fault(child, base + 7 * PAGE_SIZE, ACCESS_WRITE), 0); /* splits the child's block */
    EXPECT_EQ(mm_fault(child, base + 7 * PAGE_SIZE, ACCESS_WRITE), 0);
    EXPECT(pte_write(mm_lookup(child, base + 7 * PAGE_SIZE)));
    EXPECT(!block_at(&child->root, base) && block_at(&mm->root, base));
    EXPECT_EQ(*user_byte(child, base + 7 * PAGE_SIZE), 42);
    *user_byte(child, base + 7 * PAGE_SIZE) = 43;
    EXPECT_EQ(*user_byte(mm, base + 7 * PAGE_SIZE), 42);
    EXPECT(block_at(&child->root, base + BLOCK_BYTES)); /* the other block is unchanged */
    mm_put(child);
    EXPECT_LEDGER(before);
    EXPECT_EQ(mm_fault(mm, base + 7 * PAGE_SIZE, ACCESS_WRITE), 0); /* only this space maps it again: no copy */
    EXPECT(block_at(&mm->root, base) && pte_write(mm_lookup(mm, base)));
    EXPECT_EQ(*user_byte(mm, base + 7 * PAGE_SIZE), 42);
    mm_put(mm);
    EXPECT_LEDGER(start);
}

TEST(block, an_area_that_is_cut_inside_a_block_splits_it)
{
    vaddr_t base;

    need_blocks();
    struct mm *mm = two_blocks(&base);
    EXPECT_EQ(mm_madvise(mm, base, BLOCK_BYTES / 2, MADV_NOHUGEPAGE), 0);
    EXPECT(!block_at(&mm->root, base)); /* each block lies within one area */
    EXPECT(block_at(&mm->root, base + BLOCK_BYTES));
    check_address_space(mm);
    mm_put(mm);
}

TEST(block, a_large_folio_of_an_object_is_mapped_by_one)
{
    need_blocks();
    struct memobj *obj = memobj_create(MEMOBJ_BACKED, 2 * BLOCK_FRAMES, NULL);
    struct folio *f = folio_alloc(BLOCK_ORDER + 1, FOLIO_ZERO);
    struct mm *mm = mm_create(), *other = mm_create();
    vaddr_t at = TEST_BASE, private = TEST_BASE + 64 * MiB;
    struct insecure_mem *hole;

    ASSERT(obj && f && mm && other);
    folio_get(f);
    ASSERT_EQ(memobj_add_folio(obj, 0, f), 0);
    ASSERT_EQ(mm_map(mm, &at, 2 * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, obj, 0), 0);
    ASSERT_EQ(mm_map(other, &private, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, obj, BLOCK_BYTES), 0);
    EXPECT_EQ(mm_fault(mm, at + BLOCK_BYTES + PAGE_SIZE, ACCESS_WRITE), 0);
    EXPECT_EQ(mm_fault(other, private, ACCESS_READ), 0);
    EXPECT(block_at(&mm->root, at + BLOCK_BYTES) && !block_at(&mm->root, at));
    EXPECT(block_at(&other->root, private) && !pte_write(mm_lookup(other, private)));
    EXPECT_EQ(folio_map_count(f), 2 * BLOCK_FRAMES);
    /* A hole: both address spaces lose these four pages, and keep the rest as pages. */
    ASSERT_EQ(folio_punch_hole(f, BLOCK_FRAMES + 20, 4, HOLE_INSECURE, &hole), 0);
    EXPECT(!block_at(&mm->root, at + BLOCK_BYTES) && !block_at(&other->root, private));
    for (u64 i = 0; i < BLOCK_FRAMES; i++) {
        EXPECT_EQ(pte_present(mm_lookup(mm, at + BLOCK_BYTES + i * PAGE_SIZE)), i < 20 || i >= 24);
        EXPECT_EQ(pte_present(mm_lookup(other, private + i * PAGE_SIZE)), i < 20 || i >= 24);
    }
    EXPECT_EQ(folio_map_count(f), 2 * BLOCK_FRAMES - 8);
    /* With the hole there, this part gets no block. */
    ASSERT_EQ(mm_unmap(mm, at + BLOCK_BYTES, BLOCK_BYTES), 0);
    at += BLOCK_BYTES;
    ASSERT_EQ(mm_map(mm, &at, BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, obj, BLOCK_BYTES), 0);
    EXPECT_EQ(mm_fault(mm, at, ACCESS_READ), 0);
    EXPECT(!block_at(&mm->root, at));
    EXPECT_EQ(folio_mend_hole(hole), 0);
    mm_put(mm);
    mm_put(other);
    memobj_put(obj);
    folio_put(f);
}

TEST(block, a_broken_frame_in_one_costs_that_page_alone)
{
    vaddr_t base;

    need_blocks();
    struct mm *mm = two_blocks(&base), *child = mm_clone(mm);
    pfn_t pfn = pte_pfn(mm_lookup(mm, base));

    EXPECT_EQ(memory_failure(pfn + 33), 0);
    EXPECT_EQ(mm_fault(mm, base + 33 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(child, base + 33 * PAGE_SIZE, ACCESS_READ), -EHWPOISON);
    for (u64 i = 0; i < BLOCK_FRAMES; i++)
        EXPECT_EQ(pte_present(mm_lookup(mm, base + i * PAGE_SIZE)), i != 33);
    frames_follow(mm, base, pfn);
    EXPECT(block_at(&mm->root, base + BLOCK_BYTES) != NULL);
    mm_put(child);
    mm_put(mm);
    EXPECT_EQ(memdesc_type(memdesc_read(pfn + 33)), MEMDESC_HWPOISON);
    EXPECT_EQ(memdesc_type(memdesc_read(pfn + 34)), MEMDESC_BUDDY);
    test_allow_leak("a broken frame never comes back");
}

static int map_touch_fork(void *unused)
{
    struct mm *mm = mm_create(), *child = NULL;
    vaddr_t base = TEST_BASE;

    (void)unused;
    if (!mm)
        return -ENOMEM;
    int err = mm_map(mm, &base, 2 * BLOCK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, NULL, 0);
    if (!err)
        err = mm_madvise(mm, base, 2 * BLOCK_BYTES, MADV_HUGEPAGE);
    if (!err)
        err = mm_fault(mm, base, ACCESS_WRITE);
    if (!err && !(child = mm_clone(mm)))
        err = -ENOMEM;
    if (child)
        mm_put(child);
    mm_put(mm);
    return err;
}

TEST(block, any_allocation_may_fail) { with_every_failure(map_touch_fork, NULL); }
