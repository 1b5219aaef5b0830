/* SPDX-License-Identifier: MIT */
/* Folios: making, finding, freezing, freeing. */
#include "helpers.h"
#include <quire/buddy.h>
#include <quire/folio.h>
#include <quire/slab.h>
#include <quire/string.h>

TEST(folio, every_word_of_every_order_points_to_its_folio)
{
    unsigned most = order_that_fits(BUDDY_MAX_ORDER);

    for (unsigned order = 0; order <= most; order++) {
        struct folio *f = folio_alloc(order, 0);
        ASSERT(f != NULL);
        EXPECT_EQ(folio_order(f), order);
        EXPECT_EQ(folio_nr_pages(f), 1UL << order);
        EXPECT(IS_ALIGNED(folio_pfn(f), 1UL << order));
        EXPECT_EQ(folio_ref_count(f), 1);
        EXPECT_EQ(folio_map_count(f), 0);
        EXPECT(words_are(f->pfn, 1UL << order, folio_word(f)));
        pfn_t pfn = f->pfn;
        folio_put(f);
        for (u64 i = 0; i < 1UL << order; i++)
            if (memdesc_type(memdesc_read(pfn + i)) != MEMDESC_BUDDY) {
                test_fail(__FILE__, __LINE__, "word %lu of a freed folio of order %u isn't BUDDY",
                          i, order);
                break;
            }
    }
}

TEST(folio, asking_for_more_than_there_is_gives_nothing)
{
    struct ledger before = ledger_read();

    EXPECT(folio_alloc(BUDDY_MAX_ORDER + 1, 0) == NULL);
    EXPECT(folio_alloc(40, 0) == NULL);
    EXPECT_LEDGER(before);
}

TEST(folio, a_zeroed_folio_is_zero_even_where_it_was_used_before)
{
    for (unsigned round = 0; round < 4; round++) {
        struct folio *f = folio_alloc(3, FOLIO_ZERO);
        ASSERT(f != NULL);
        const u64 *words = folio_address(f);
        for (unsigned i = 0; i < folio_size(f) / 8; i++)
            if (words[i])
                test_fail(__FILE__, __LINE__, "word %u is 0x%lx", i, words[i]);
        memset(folio_address(f), 0x5a, folio_size(f));
        folio_put(f);
    }
}

TEST(folio, any_frame_of_it_finds_it)
{
    struct folio *f = folio_alloc(4, 0);

    ASSERT(f != NULL);
    for (unsigned i = 0; i < 16; i++) {
        EXPECT(pfn_folio_get(f->pfn + i) == f);
        EXPECT_EQ(folio_ref_count(f), 2 + (int)i);
    }
    folio_put_many(f, 16);
    EXPECT_EQ(folio_ref_count(f), 1);
    folio_put(f);
}

TEST(folio, only_folios_are_found)
{
    pfn_t free = frames_alloc(0, memdesc_make_misc(MISC_KERNEL));
    void *object = kmalloc(64);

    ASSERT(free != PFN_NONE && object);
    EXPECT(pfn_folio_get(free) == NULL);
    EXPECT(pfn_folio_get(address_pfn(object)) == NULL);
    frames_free(free, 0);
    EXPECT(pfn_folio_get(free) == NULL);
    EXPECT(pfn_folio_get(memory.end) == NULL);
    EXPECT(pfn_folio_get(PFN_NONE) == NULL);
    EXPECT(pfn_folio_get(paddr_to_pfn(kernel_root()->table)) == NULL);
    kfree(object);
}

TEST(folio, it_lives_until_the_last_reference_goes)
{
    struct folio *f = folio_alloc(2, 0);
    pfn_t pfn = f->pfn;

    folio_get(f);
    folio_get_many(f, 3);
    EXPECT_EQ(folio_ref_count(f), 5);
    folio_put_many(f, 2);
    folio_put(f);
    folio_put(f);
    EXPECT_EQ(memdesc_type(memdesc_read(pfn)), MEMDESC_FOLIO);
    folio_put(f);
    EXPECT_EQ(memdesc_type(memdesc_read(pfn)), MEMDESC_BUDDY);
}

TEST(folio, a_count_of_zero_is_never_raised)
{
    struct folio *f = folio_alloc(0, 0);

    ASSERT(f != NULL);
    EXPECT(folio_try_get(f));
    EXPECT(folio_ref_freeze(f, 2));
    EXPECT(!folio_try_get(f));
    EXPECT_EQ(folio_ref_count(f), 0);
    folio_ref_unfreeze(f, 2);
    folio_put(f);
    folio_put(f);
}

TEST(folio, a_frozen_one_can_not_be_found)
{
    struct folio *f = folio_alloc(3, 0);

    ASSERT(f != NULL);
    ASSERT(folio_ref_freeze(f, 1));
    for (unsigned i = 0; i < 8; i++)
        EXPECT(pfn_folio_get(f->pfn + i) == NULL);
    folio_ref_unfreeze(f, 1);
    EXPECT(pfn_folio_get(f->pfn + 7) == f);
    folio_put_many(f, 2);
}

TEST(folio, freezing_needs_exactly_the_expected_references)
{
    struct folio *f = folio_alloc(0, 0);

    folio_get(f);
    EXPECT(!folio_ref_freeze(f, 1));
    EXPECT(!folio_ref_freeze(f, 3));
    EXPECT_EQ(folio_ref_count(f), 2);
    EXPECT(folio_ref_freeze(f, 2));
    folio_ref_unfreeze(f, 5);
    EXPECT_EQ(folio_ref_count(f), 5);
    folio_put_many(f, 5);
}

TEST(folio, a_recycled_descriptor_starts_afresh)
{
    struct folio *f = folio_alloc(1, 0);

    f->clean = ~0UL;
    f->index = 99;
    folio_put(f);
    struct folio *again = folio_alloc(1, 0); /* the slab's last freed object */
    EXPECT_EQ(again->clean, 0);
    EXPECT(again->owner == NULL);
    EXPECT_EQ(again->index, 0);
    EXPECT_EQ(again->flags, 0);
    EXPECT_EQ(again->map_count, 0);
    folio_put(again);
}

static int alloc_and_free(void *arg)
{
    struct folio *f = folio_alloc(*(unsigned *)arg, FOLIO_ZERO);

    if (!f)
        return -1;
    folio_put(f);
    return 0;
}

TEST(folio, out_of_memory_at_any_point_leaves_nothing_behind)
{
    unsigned order = 5;
    with_every_failure(alloc_and_free, &order);
}

TEST(folio, freeing_one_that_is_mapped_panics)
{
    struct folio *f = folio_alloc(0, 0);

    folio_add_mappings(f, 1);
    EXPECT_PANIC("of its frames are mapped", (void (*)(void *))folio_free, f);
    folio_remove_mappings(f, 1);
    folio_put(f);
}

/* --- look-up against free -------------------------------------------------------------- */
static struct {
    pfn_t pfn; /* where the current folio is */
    bool stop;
    u64 found, missed;
} race;

static void look_up(void *arg)
{
    (void)arg;
    while (!READ_ONCE(race.stop)) {
        jitter();
        pfn_t pfn = READ_ONCE(race.pfn);
        struct folio *f = pfn_folio_get(pfn);
        if (!f) {
            __atomic_fetch_add(&race.missed, 1, __ATOMIC_RELAXED);
            continue;
        }
        /* While a reference is held the folio can't be freed, so its words must point to it. */
        if (!folio_contains(f, pfn) || memdesc_read(pfn) != folio_word(f) || folio_ref_count(f) < 1)
            test_fail(__FILE__, __LINE__, "a reference to a folio that isn't at frame 0x%lx", pfn);
        __atomic_fetch_add(&race.found, 1, __ATOMIC_RELAXED);
        folio_put(f);
    }
}

TEST(folio, look_up_is_safe_against_free_on_other_cpus)
{
    struct crew crew = {0};

    if (nr_cpus == 1)
        SKIP("needs two CPUs");
    memset(&race, 0, sizeof(race));
    race.pfn = PFN_NONE;
    for (unsigned cpu = 1; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, look_up, NULL);
    crew_wait_started(&crew);
    for (unsigned round = 0; round < 400; round++) {
        jitter();
        test_gets_ahead();
        struct folio *f = folio_alloc(round % 4, 0);
        ASSERT(f != NULL);
        WRITE_ONCE(race.pfn, f->pfn + round % folio_nr_pages(f));
        spend(50 + test_rand() % 200);
        folio_put(f);
        spend(test_rand() % 50);
    }
    /* On a busy host the other CPUs may not have run while a folio was there. This one stays until they have. */
    struct folio *f = folio_alloc(0, 0);
    ASSERT(f != NULL);
    WRITE_ONCE(race.pfn, f->pfn);
    while (!READ_ONCE(race.found)) {
        jitter();
        spend(100);
    }
    folio_put(f);
    WRITE_ONCE(race.stop, true);
    crew_wait(&crew);
    EXPECT(race.found > 0);
}

/* Changes between the two looks of a look-up are tested in tests/native/tests/meanwhile.c. */
TEST(folio, the_word_says_whose_a_frame_is)
{
    struct folio *a = folio_alloc(0, 0), *b = folio_alloc(0, 0);
    pfn_t pfn = a->pfn;

    /* As if a's frame now belonged to b: the word decides, not an earlier read. */
    memdesc_write(pfn, folio_word(b));
    EXPECT(pfn_folio_get(pfn) == b);
    EXPECT_EQ(folio_ref_count(a), 1);
    EXPECT_EQ(folio_ref_count(b), 2);
    folio_put(b);
    memdesc_write(pfn, folio_word(a));
    folio_put(a);
    folio_put(b);
}
