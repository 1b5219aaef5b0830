/* SPDX-License-Identifier: MIT */
/* Counters: each event is counted where it happens, once for a batch, with its length beside it. */
#include "helpers.h"
#include <quire/hole.h>
#include <quire/errno.h>
#include <quire/poison.h>
#include <quire/string.h>

#define RW (PROT_READ | PROT_WRITE)
#define NR 16 /* pages of a default folio */

/* The number of events since the last call of this function. */
static u64 since(enum counter c)
{
    static u64 seen[COUNTER_COUNT];
    u64 now = test_count(c), news = now - seen[c];

    seen[c] = now;
    return news;
}

static void forget(void)
{
    for (unsigned c = 0; c < COUNTER_COUNT; c++)
        since(c);
}

TEST(counters, every_one_has_a_name_of_its_own)
{
    for (unsigned a = 0; a < COUNTER_COUNT; a++)
        for (unsigned b = 0; b < a; b++)
            EXPECT(strcmp(counter_name(a), counter_name(b)) != 0);
    EXPECT(strcmp(counter_name(COUNTER_COUNT), "unknown") == 0);
}

TEST(counters, a_touch_a_fork_and_an_unmap_are_batches_of_their_length)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, NR * PAGE_SIZE, RW);

    forget();
    ASSERT_EQ(mm_fault(mm, addr, ACCESS_WRITE), 0);
    EXPECT_EQ(since(COUNTER_FAULT_ANON), 1);
    EXPECT_EQ(since(COUNTER_SET_PTES_CALLS), 1);
    EXPECT_EQ(since(COUNTER_SET_PTES_ENTRIES), NR);
    EXPECT(since(COUNTER_TABLE_ALLOC) >= 1);
    struct mm *child = mm_clone(mm);
    ASSERT(child != NULL);
    EXPECT_EQ(since(COUNTER_COPY_CALLS), 1);
    EXPECT_EQ(since(COUNTER_COPY_ENTRIES), NR);
    EXPECT_EQ(mm_unmap(mm, addr, NR * PAGE_SIZE), 0);
    EXPECT_EQ(since(COUNTER_CLEAR_CALLS), 1);
    EXPECT_EQ(since(COUNTER_CLEAR_ENTRIES), NR);
    mm_put(mm);
    mm_put(child);
    EXPECT_EQ(test_count(COUNTER_TABLE_ALLOC), test_count(COUNTER_TABLE_FREE));
    EXPECT_COUNT(COUNTER_FAULT_BAD, 0);
}

TEST(counters, protecting_counts_the_entries_of_its_range)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, NR * PAGE_SIZE, RW);

    ASSERT_EQ(mm_fault(mm, addr, ACCESS_WRITE), 0);
    forget();
    EXPECT_EQ(mm_protect(mm, addr + 2 * PAGE_SIZE, 5 * PAGE_SIZE, PROT_READ), 0);
    EXPECT_EQ(since(COUNTER_PROTECT_ENTRIES), 5);
    EXPECT_EQ(since(COUNTER_PROTECT_CALLS), 1);
    mm_put(mm);
}

TEST(counters, holes_are_counted_with_their_frames)
{
    struct folio *f = folio_alloc(5, 0);
    struct insecure_mem *h;

    ASSERT(f != NULL);
    forget();
    ASSERT_EQ(folio_punch_hole(f, 3, 4, HOLE_INSECURE, &h), 0);
    EXPECT_EQ(folio_punch_hole(f, 5, 1, HOLE_INSECURE, &h), -EBUSY); /* a refused punch isn't counted */
    EXPECT_EQ(since(COUNTER_HOLE_PUNCH), 1);
    EXPECT_EQ(since(COUNTER_HOLE_FRAMES), 4);
    EXPECT_EQ(folio_mend_hole(h), 0);
    EXPECT_EQ(since(COUNTER_HOLE_MEND), 1);
    folio_put(f);
}

TEST(counters, bus_errors_are_counted_apart)
{
    struct mm *mm = mm_create();
    vaddr_t addr = map_anonymous(mm, NR * PAGE_SIZE, RW);

    test_allow_leak("a broken frame never comes back");
    ASSERT_EQ(mm_fault(mm, addr, ACCESS_WRITE), 0);
    forget();
    EXPECT_EQ(memory_failure(mapped_frame(mm, addr)), 0);
    EXPECT_EQ(since(COUNTER_POISON), 1);
    EXPECT_EQ(mm_fault(mm, addr, ACCESS_READ), -EHWPOISON);
    EXPECT_EQ(mm_fault(mm, addr + 64 * MiB, ACCESS_READ), -EFAULT);
    EXPECT_EQ(since(COUNTER_FAULT_BUS), 1);
    EXPECT_EQ(since(COUNTER_FAULT_BAD), 2);
    mm_put(mm);
}
