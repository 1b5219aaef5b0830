/* SPDX-License-Identifier: MIT */
/*
 * The buddy allocator, instances of a few frames, compared with a simple model, and the machine's own instance.
 */
#include "helpers.h"
#include <quire/buddy.h>
#include <quire/memory_init.h>
#include <quire/string.h>

#define FRAMES 64
#define TAKEN  ((memdesc_t)MEMDESC_MISC | MISC_KERNEL << MEMDESC_MISC_SHIFT)

/* Frames [first, first + nr) of a buddy of the test's own, all free. */
struct small {
    struct buddy b;
    memdesc_t words[FRAMES];
};

static void small_init(struct small *s, pfn_t first, u64 nr)
{
    memset(s->words, 0, sizeof(s->words));
    buddy_init(&s->b, s->words - first, first, first + nr);
    buddy_add_range(&s->b, first, nr);
}

static pfn_t take(struct small *s, unsigned order)
{
    pfn_t pfn = buddy_alloc(&s->b, order);
    if (pfn != PFN_NONE)
        memdesc_fill(s->b.words + pfn, 1UL << order, TAKEN);
    return pfn;
}

/* The invariants: lists, counters and words say the same; no two free buddies stand side by side.
 */
static bool consistent(const struct buddy *b)
{
    u64 frames = 0, listed = 0, blocks[BUDDY_NR_ORDERS] = {0};

    for (pfn_t pfn = b->first; pfn < b->end;) {
        pfn_t head;
        unsigned order;
        if (memdesc_type(b->words[pfn]) != MEMDESC_BUDDY) {
            pfn++;
            continue;
        }
        if (!buddy_find_block(b, pfn, &head, &order) || head != pfn ||
            !IS_ALIGNED(pfn, 1UL << order))
            return false;
        pfn_t other = pfn ^ 1UL << order, other_head;
        unsigned other_order;
        if (order < BUDDY_MAX_ORDER && other >= b->first && other + (1UL << order) <= b->end &&
            buddy_find_block(b, other, &other_head, &other_order) && other_head == other &&
            other_order == order)
            return false; /* should be one block */
        for (u64 i = 0; i < 1UL << order; i++)
            if (memdesc_type(b->words[pfn + i]) != MEMDESC_BUDDY)
                return false;
        blocks[order]++;
        frames += 1UL << order;
        pfn += 1UL << order;
    }
    for (unsigned o = 0; o < BUDDY_NR_ORDERS; o++) {
        if (blocks[o] != b->free_blocks[o])
            return false;
        listed += b->free_blocks[o] << o;
    }
    return frames == b->nr_free && listed == frames;
}

TEST(buddy, a_fresh_range_is_cut_into_the_largest_aligned_blocks)
{
    static struct small s;

    small_init(&s, 3, 18); /* 3, 4-7, 8-15, 16-19, 20 */
    EXPECT_EQ(s.b.nr_free, 18);
    EXPECT_EQ(s.b.free_blocks[0], 2);
    EXPECT_EQ(s.b.free_blocks[2], 2);
    EXPECT_EQ(s.b.free_blocks[3], 1);
    EXPECT(consistent(&s.b));
}

TEST(buddy, a_block_is_aligned_to_its_size)
{
    static struct small s;

    for (unsigned order = 0; order <= 5; order++) {
        small_init(&s, 5, 55);
        for (pfn_t pfn; (pfn = take(&s, order)) != PFN_NONE;) {
            EXPECT(IS_ALIGNED(pfn, 1UL << order));
            EXPECT(pfn >= 5 && pfn + (1UL << order) <= 60);
        }
        EXPECT(consistent(&s.b));
    }
}

TEST(buddy, a_freed_block_joins_its_buddy)
{
    static struct small s;
    pfn_t all[16];

    small_init(&s, 16, 16);
    for (unsigned i = 0; i < 16; i++)
        all[i] = take(&s, 0);
    EXPECT_EQ(s.b.nr_free, 0);
    for (unsigned i = 0; i < 16; i++) { /* an order in which some freed blocks have free neighbours and some don't */
        buddy_free(&s.b, all[(i * 7) % 16], 0);
        EXPECT(consistent(&s.b));
    }
    EXPECT_EQ(s.b.free_blocks[4], 1);
    EXPECT_EQ(take(&s, 4), 16);
}

TEST(buddy, what_stands_beside_its_range_is_none_of_its_business)
{
    static struct small s;

    small_init(&s, 3, 6); /* 3, 4-7, 8 */
    pfn_t all[6];
    for (unsigned i = 0; i < 6; i++)
        all[i] = take(&s, 0);
    for (unsigned i = 0; i < 6; i++) {
        buddy_free(&s.b, all[i], 0);
        if (all[i] == 8) { /* as if frame 9 were in another list of free frames */
            s.b.words[9] = s.b.words[8];
            EXPECT_EQ(take(&s, 0), 8);
            buddy_free(&s.b, 8, 0);
        }
    }
    EXPECT_EQ(s.b.free_blocks[0], 2);
    EXPECT_EQ(s.b.free_blocks[2], 1);
    EXPECT_EQ(s.b.nr_free, 6);
    EXPECT(consistent(&s.b));
}

TEST(buddy, blocks_that_are_no_buddies_stay_apart)
{
    static struct small s;

    small_init(&s, 0, 4);
    pfn_t a = take(&s, 0), b = take(&s, 0), c = take(&s, 0), d = take(&s, 0);
    EXPECT(a == 0 && b == 1 && c == 2 && d == 3);
    buddy_free(&s.b, b, 0); /* 1 and 2 are neighbours, not buddies */
    buddy_free(&s.b, c, 0);
    EXPECT_EQ(s.b.free_blocks[0], 2);
    EXPECT_EQ(s.b.free_blocks[1], 0);
    EXPECT_EQ(take(&s, 1), PFN_NONE);
}

TEST(buddy, small_requests_take_the_smallest_block_that_fits)
{
    static struct small s;

    small_init(&s, 1, 31); /* 1, 2-3, 4-7, 8-15, 16-31 */
    EXPECT_EQ(take(&s, 0), 1);
    EXPECT_EQ(take(&s, 1), 2);
    EXPECT_EQ(take(&s, 3), 8);
    EXPECT_EQ(take(&s, 0), 4); /* the low end of 4-7 */
    EXPECT_EQ(take(&s, 0), 5);
    EXPECT_EQ(take(&s, 1), 6);
    EXPECT_EQ(take(&s, 4), 16);
    EXPECT_EQ(s.b.nr_free, 0);
}

TEST(buddy, nothing_left_is_said_and_changes_nothing)
{
    static struct small s;

    small_init(&s, 0, 8);
    EXPECT_EQ(take(&s, 4), PFN_NONE); /* larger than any free block */
    EXPECT_EQ(take(&s, BUDDY_MAX_ORDER), PFN_NONE);
    EXPECT_EQ(take(&s, BUDDY_MAX_ORDER + 1), PFN_NONE);
    EXPECT_EQ(take(&s, 63), PFN_NONE);
    EXPECT_EQ(s.b.nr_free, 8);
    EXPECT_EQ(take(&s, 3), 0);
    EXPECT_EQ(take(&s, 0), PFN_NONE);
    EXPECT_EQ(s.b.nr_free, 0);
    EXPECT(consistent(&s.b));
}

TEST(buddy, freeing_rewrites_every_word)
{
    static struct small s;

    small_init(&s, 0, 16);
    pfn_t pfn = take(&s, 3);
    for (unsigned i = 0; i < 8; i++)
        EXPECT_EQ(s.words[pfn + i], TAKEN);
    buddy_free(&s.b, pfn, 3);
    for (unsigned i = 0; i < 16; i++)
        EXPECT_EQ(memdesc_type(s.words[i]), MEMDESC_BUDDY);
}

TEST(buddy, any_free_frame_can_be_taken_out_of_a_block_of_any_order)
{
    static struct small s;

    for (unsigned order = 0; order <= 5; order++) {
        for (pfn_t which = 0; which < 1UL << order; which++) {
            small_init(&s, 32, 1UL << order);
            EXPECT(buddy_take_frame(&s.b, 32 + which));
            s.b.words[32 + which] = TAKEN;
            EXPECT_EQ(s.b.nr_free, (1UL << order) - 1);
            EXPECT(consistent(&s.b));
            EXPECT(!buddy_take_frame(&s.b, 32 + which)); /* it isn't free any more */
            for (pfn_t pfn; (pfn = take(&s, 0)) != PFN_NONE;)
                EXPECT(pfn != 32 + which);
        }
    }
}

TEST(buddy, a_frame_that_is_not_free_or_not_ours_is_not_taken)
{
    static struct small s;

    small_init(&s, 8, 8);
    take(&s, 3);
    EXPECT(!buddy_take_frame(&s.b, 10));
    EXPECT(!buddy_take_frame(&s.b, 7));
    EXPECT(!buddy_take_frame(&s.b, 16));
    EXPECT(!buddy_take_frame(&s.b, PFN_NONE));
}

TEST(buddy, a_range_goes_back_in_the_largest_blocks)
{
    static struct small s;

    for (pfn_t from = 0; from < 16; from++) {
        for (u64 nr = 1; from + nr <= 16; nr++) {
            small_init(&s, 0, 16);
            take(&s, 4);
            buddy_free_range(&s.b, from, nr);
            EXPECT_EQ(s.b.nr_free, nr);
            EXPECT(consistent(&s.b));
        }
    }
}

/*
 * Every sequence of `depth` steps; a step takes a block of order 0 to 2 or gives back any of the
 * held ones.
 */
struct held {
    pfn_t pfn;
    unsigned order;
};
static void every_sequence(struct small *s, struct held *held, unsigned nr_held, u64 owned,
                           unsigned depth)
{
    if (!consistent(&s->b) || s->b.nr_free + (u64)__builtin_popcountl(owned) != 8) {
        test_fail(__FILE__, __LINE__, "books wrong with frames 0x%lx taken", owned);
        return;
    }
    if (depth == 0)
        return;
    for (unsigned order = 0; order <= 2; order++) {
        struct small saved = *s;
        pfn_t pfn = take(s, order);
        u64 mask = ((1UL << (1u << order)) - 1) << (pfn & 63);
        if (pfn != PFN_NONE) {
            EXPECT(!(owned & mask) && IS_ALIGNED(pfn, 1UL << order) && pfn + (1UL << order) <= 8);
            held[nr_held] = (struct held){pfn, order};
            every_sequence(s, held, nr_held + 1, owned | mask, depth - 1);
        } else { /* no memory: then no aligned run of that size may be free */
            for (pfn_t at = 0; at < 8; at += 1UL << order)
                EXPECT(owned & ((1UL << (1u << order)) - 1) << at);
        }
        *s = saved;
    }
    for (unsigned i = 0; i < nr_held; i++) {
        struct small saved = *s;
        struct held h = held[i], last = held[nr_held - 1];
        buddy_free(&s->b, h.pfn, h.order);
        held[i] = held[nr_held - 1];
        every_sequence(s, held, nr_held - 1, owned & ~(((1UL << (1u << h.order)) - 1) << h.pfn),
                       depth - 1);
        held[nr_held - 1] = last;
        held[i] = h;
        *s = saved;
    }
}

TEST(buddy, every_short_sequence_on_eight_frames_keeps_the_books)
{
    static struct small s;
    struct held held[8];

    small_init(&s, 0, 8);
    every_sequence(&s, held, 0, 0, 5);
}

TEST(buddy, long_random_sequences_keep_the_books)
{
    static struct small s;
    struct held held[FRAMES];
    unsigned nr = 0;

    small_init(&s, 0, FRAMES);
    for (unsigned step = 0; step < 2000; step++) {
        if (nr && test_rand() & 1) {
            unsigned i = test_rand() % nr;
            buddy_free(&s.b, held[i].pfn, held[i].order);
            held[i] = held[--nr];
        } else {
            unsigned order = test_rand() % 4;
            pfn_t pfn = take(&s, order);
            if (pfn != PFN_NONE)
                held[nr++] = (struct held){pfn, order};
        }
        if (step % 16 == 0)
            ASSERT(consistent(&s.b));
    }
    while (nr--)
        buddy_free(&s.b, held[nr].pfn, held[nr].order);
    EXPECT_EQ(s.b.free_blocks[6], 1);
}

struct bad_free {
    struct small s;
    pfn_t pfn;
    unsigned order;
};
static void do_bad_free(void *arg)
{
    struct bad_free *bad = arg;
    buddy_free(&bad->s.b, bad->pfn, bad->order);
}

TEST(buddy, freeing_twice_panics)
{
    static struct bad_free bad;

    small_init(&bad.s, 0, 16);
    bad.pfn = take(&bad.s, 1), bad.order = 1;
    buddy_free(&bad.s.b, bad.pfn, bad.order);
    EXPECT_PANIC("freed twice?", do_bad_free, &bad);
    bad.s.b.lock = (spinlock_t)SPINLOCK_INIT;
    EXPECT(consistent(&bad.s.b));
}

TEST(buddy, freeing_what_is_no_block_panics)
{
    static struct bad_free bad;

    small_init(&bad.s, 8, 16);
    take(&bad.s, 3);
    bad.pfn = 9, bad.order = 1; /* not aligned */
    EXPECT_PANIC("is no block of this machine", do_bad_free, &bad);
    bad.pfn = 4, bad.order = 2; /* below the first frame */
    EXPECT_PANIC("is no block of this machine", do_bad_free, &bad);
    bad.pfn = 16, bad.order = 4; /* past the end */
    EXPECT_PANIC("is no block of this machine", do_bad_free, &bad);
    bad.pfn = 8, bad.order = BUDDY_NR_ORDERS;
    EXPECT_PANIC("is no block of this machine", do_bad_free, &bad);
}

TEST(buddy, the_machines_own_survives_random_sequences)
{
    struct held held[64];
    unsigned nr = 0;
    u64 before = memory_available_frames();

    for (unsigned step = 0; step < 1000; step++) {
        if (nr == 64 || (nr && test_rand() % 3 == 0)) {
            unsigned i = test_rand() % nr;
            frames_free(held[i].pfn, held[i].order);
            held[i] = held[--nr];
            continue;
        }
        unsigned order = test_rand() % 8;
        pfn_t pfn = frames_alloc(order, TAKEN);
        ASSERT(pfn != PFN_NONE);
        EXPECT(IS_ALIGNED(pfn, 1UL << order));
        for (unsigned i = 0; i < nr; i++)
            EXPECT(pfn + (1UL << order) <= held[i].pfn ||
                   held[i].pfn + (1UL << held[i].order) <= pfn);
        held[nr++] = (struct held){pfn, order};
    }
    while (nr--)
        frames_free(held[nr].pfn, held[nr].order);
    EXPECT_EQ(memory_available_frames(), before);
}

static void churn(void *arg)
{
    pfn_t mine[8];

    (void)arg;
    for (unsigned round = 0; round < 60; round++) {
        jitter();
        for (unsigned i = 0; i < 8; i++) {
            mine[i] = frames_alloc(i % 3, TAKEN);
            if (mine[i] != PFN_NONE)
                *(volatile u64 *)pfn_address(mine[i]) = mine[i];
        }
        for (unsigned i = 0; i < 8; i++) {
            if (mine[i] == PFN_NONE)
                continue;
            if (*(volatile u64 *)pfn_address(mine[i]) != mine[i])
                test_fail(__FILE__, __LINE__, "frame 0x%lx was given to two at once", mine[i]);
            frames_free(mine[i], i % 3);
        }
    }
}

TEST(buddy, several_cpus_never_get_the_same_frame)
{
    struct crew crew = {0};

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, churn, NULL);
    crew_wait(&crew);
}
