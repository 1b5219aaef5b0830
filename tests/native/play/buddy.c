/* SPDX-License-Identifier: MIT */
/*
 * Game "buddy": an allocator of 8 to 64 frames against a model that is one flag a frame. The flags determine where
 * every free block must begin and end, because free buddies are always joined.
 */
#include "play.h"
#include "../machine/machine.h"
#include <quire/buddy.h>
#include <quire/errno.h>
#include <string.h>

#define MAX_FRAMES 64
#define MAX_BLOCKS 64

static const struct {
    pfn_t first;
    u64 frames;
} sizes[] = {{8, 8}, {3, 11}, {16, 16}, {5, 27}, {64, 64}};

static memdesc_t words[MAX_FRAMES];
static struct buddy small;

/* --- the model --------------------------------------------------------------------------------- */
static pfn_t first, end;
static bool is_free[256];
static struct block {
    pfn_t pfn;
    u64 nr;
} blocks[MAX_BLOCKS]; /* taken blocks, which a move may give back */
static unsigned nr_blocks;

static bool model_block_free(pfn_t pfn, unsigned order)
{
    if (order > BUDDY_MAX_ORDER || pfn < first || pfn + (1UL << order) > end)
        return false;
    for (u64 i = 0; i < 1UL << order; i++)
        if (!is_free[pfn + i])
            return false;
    return true;
}

/* The order of the free block that begins at pfn; -1: none begins there. */
static int model_head(pfn_t pfn)
{
    int order = -1;

    for (unsigned o = 0; o <= BUDDY_MAX_ORDER; o++) {
        pfn_t head = ALIGN_DOWN(pfn, 1UL << o);
        if (!model_block_free(head, o))
            break;
        order = head == pfn ? (int)o : -1;
    }
    return order;
}

/* The smallest order of a free block that is at least `order`; -1: none. */
static int model_fitting(unsigned order)
{
    int best = -1;

    for (pfn_t pfn = first; pfn < end; pfn++) {
        int o = model_head(pfn);
        if (o >= (int)order && (best < 0 || o < best))
            best = o;
    }
    return best;
}

/* --- the game ---------------------------------------------------------------------------------- */
static void begin(unsigned config)
{
    first = sizes[config].first;
    end = first + sizes[config].frames;
    memset(words, 0, sizeof(words));
    memset(is_free, 0, sizeof(is_free));
    nr_blocks = 0;
    nr_cpus = 1;
    memdesc_t *biased = words;
    buddy_init(&small, biased - first, first, end);
    buddy_add_range(&small, first, end - first);
    for (pfn_t pfn = first; pfn < end; pfn++)
        is_free[pfn] = true;
}

static void check(void)
{
    u64 free = 0, heads[BUDDY_NR_ORDERS] = {0};

    for (pfn_t pfn = first; pfn < end; pfn++) {
        memdesc_t w = words[pfn - first];
        int order = is_free[pfn] ? model_head(pfn) : -1;
        free += is_free[pfn];
        CHECK((memdesc_type(w) == MEMDESC_BUDDY) == is_free[pfn],
              "a frame's word says BUDDY exactly while it is free: buddy_free() rewrites every word",
              "frame %lu is %s, its word is 0x%lx (%s)", pfn, is_free[pfn] ? "free" : "taken", w,
              memdesc_type_name(memdesc_type(w)));
        if (!is_free[pfn])
            continue;
        CHECK_EQ(buddy_block_frames(w), order >= 0 ? 1L << order : 1, "frames that the word of a free frame stands for",
                 "free buddies of one order are joined, and only the first frame of a block is its head");
        if (order >= 0)
            heads[order]++;
        pfn_t head;
        unsigned found;
        CHECK(buddy_find_block(&small, pfn, &head, &found) && model_head(head) == (int)found && pfn - head < 1UL << found,
              "buddy_find_block() names the block that a free frame lies in", "frame %lu: not found, or a wrong block", pfn);
    }
    CHECK_EQ(small.nr_free, free, "nr_free", "the count of free frames follows every alloc, free and take");
    for (unsigned o = 0; o < BUDDY_NR_ORDERS; o++)
        CHECK_EQ(small.free_blocks[o], heads[o], "free blocks of one order", "free_blocks[] agrees with the lists");
    CHECK_EQ(small.lock.locked, 0, "buddy->lock", "no lock is left behind");
}

static void taken(pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr; i++) {
        is_free[pfn + i] = false;
        words[pfn + i - first] = memdesc_make_misc(MISC_KERNEL); /* the new owner writes the word */
    }
    blocks[nr_blocks++] = (struct block){pfn, nr};
}

static bool move_alloc(unsigned order)
{
    int fitting = model_fitting(order);

    if (nr_blocks == MAX_BLOCKS)
        return false;
    pfn_t pfn = buddy_alloc(&small, order);
    tell("buddy_alloc(order %u) = %ld", order, (long)pfn);
    if (pfn == PFN_NONE) {
        CHECK(fitting < 0, "an allocation fails only if no free block is large enough", "a block of order %d is free", fitting);
        return true;
    }
    CHECK(IS_ALIGNED(pfn, 1UL << order) && model_block_free(pfn, order),
          "a block is aligned to its size, lies in the allocator's range, and was free", "frames %lu to %lu weren't", pfn,
          pfn + (1UL << order) - 1);
    CHECK_EQ(model_head(pfn), fitting, "order of the free block that was used",
             "small requests take the smallest fitting block, at its low end");
    taken(pfn, 1UL << order);
    return true;
}

static bool move_free(unsigned which, bool as_range)
{
    if (which >= nr_blocks)
        return false;
    struct block b = blocks[which];
    blocks[which] = blocks[--nr_blocks];
    as_range |= b.nr & (b.nr - 1) || !IS_ALIGNED(b.pfn, b.nr);
    tell("%s(%lu, %lu frames)", as_range ? "buddy_free_range" : "buddy_free", b.pfn, b.nr);
    if (as_range)
        buddy_free_range(&small, b.pfn, b.nr);
    else
        buddy_free(&small, b.pfn, (unsigned)__builtin_ctzl(b.nr));
    for (u64 i = 0; i < b.nr; i++)
        is_free[b.pfn + i] = true;
    return true;
}

/* Part of a taken block goes back by buddy_free_cached(). */
static bool move_free_cached(unsigned which, unsigned from, unsigned nr)
{
    if (which >= nr_blocks)
        return false;
    struct block b = blocks[which];
    from %= (unsigned)b.nr;
    nr = 1 + nr % (unsigned)(b.nr - from);
    if (nr_blocks == MAX_BLOCKS && from && from + nr < b.nr)
        return false;
    tell("buddy_free_cached(%lu, %u frames), their words say BUDDY already", b.pfn + from, nr);
    blocks[which] = blocks[--nr_blocks];
    if (from)
        blocks[nr_blocks++] = (struct block){b.pfn, from};
    if (from + nr < b.nr)
        blocks[nr_blocks++] = (struct block){b.pfn + from + nr, b.nr - from - nr};
    memdesc_fill(words + (b.pfn + from - first), nr, MEMDESC_BUDDY);
    buddy_free_cached(&small, b.pfn + from, nr);
    for (unsigned i = 0; i < nr; i++)
        is_free[b.pfn + from + i] = true;
    return true;
}

static bool move_take(pfn_t pfn)
{
    if (nr_blocks == MAX_BLOCKS)
        return false;
    bool expected = pfn < end && is_free[pfn];
    bool got = buddy_take_frame(&small, pfn);
    tell("buddy_take_frame(%lu) = %s", pfn, got ? "true" : "false");
    CHECK_EQ(got, expected, "buddy_take_frame()", "a frame can be taken out exactly if it is free");
    if (got)
        taken(pfn, 1);
    return true;
}

static bool step(struct move m)
{
    switch (m.kind) {
    case 0:
    case 1:
        return move_alloc(m.a % (BUDDY_NR_ORDERS + 1) > 7 && m.b ? m.a % 4 : m.a % (BUDDY_NR_ORDERS + 1));
    case 2:
        return move_free(m.b ? m.a % (nr_blocks + 1) : m.a, m.c & 1);
    case 3:
        return move_free_cached(m.a % (nr_blocks + 1), m.b, m.c);
    default:
        return move_take(first - 1 + m.a % (end - first + 2));
    }
}

static void finish(void)
{
    while (nr_blocks)
        move_free(0, false);
    check();
    CHECK_EQ(small.nr_free, end - first, "free frames after everything was given back", "no frame is lost");
}

static size_t alphabet(unsigned config, struct move *m, size_t max)
{
    size_t n = 0;

    (void)config, (void)max;
    for (u8 order = 0; order <= 3; order++)
        m[n++] = (struct move){0, order, 0, 0};
    for (u8 which = 0; which < 4; which++)
        m[n++] = (struct move){2, which, 0, 0};
    m[n++] = (struct move){3, 0, 1, 1};
    for (u8 pfn = 1; pfn <= 8; pfn += 3)
        m[n++] = (struct move){4, pfn, 0, 0};
    return n;
}

const struct game buddy_game = {
    .name = "buddy", .file = __FILE__, .configs = ARRAY_SIZE(sizes), .kinds = 5,
    .begin = begin, .step = step, .check = check, .end = finish, .alphabet = alphabet,
    .exhaustive_depth = 5, .random_sequences = 3000, .random_moves = 60,
};
