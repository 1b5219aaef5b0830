/* SPDX-License-Identifier: MIT */
/*
 * Game "folio": folios, holes and poison in a machine of 16 to 64 frames, against the model in model/frames.h. After
 * each move every frame's word is compared with the model, descriptors with their words, and contents with what was
 * written; free frames and objects are counted.
 */
#include "folio.h"
#include <quire/buddy.h>
#include <quire/errno.h>
#include <quire/frame_cache.h>
#include <quire/poison.h>
#include <quire/slab.h>

static const u64 sizes[] = {16, 24, 32, 64};

static void begin(unsigned config)
{
    world_begin(sizes[config], config ? 2 : 1);
    model_begin(memory.first, sizes[config]);
}

/* --- folios ------------------------------------------------------------------------------------ */
/* One of the folios that have references; -1: there is none. */
static int pick(unsigned which)
{
    unsigned live = 0;

    for (unsigned i = 0; i < MODEL_FOLIOS; i++)
        live += model.folio[i].real && model.folio[i].refs;
    which = live ? which % live : 0;
    for (unsigned i = 0; live && i < MODEL_FOLIOS; i++)
        if (model.folio[i].real && model.folio[i].refs && which-- == 0)
            return (int)i;
    return -1;
}

static void stamp_frames(const struct model_folio *m)
{
    for (u64 i = 0; i < 1UL << m->order; i++) {
        u64 *words = pfn_address(m->pfn + i);
        words[0] = words[511] = model_frame(m->pfn + i)->stamp;
    }
}

bool free_block_exists(unsigned order)
{
    for (pfn_t pfn = ALIGN_UP(model.first, 1UL << order); pfn + (1UL << order) <= model.end; pfn += 1UL << order) {
        u64 i = 0;
        while (i < 1UL << order && memdesc_type(memdesc_read(pfn + i)) == MEMDESC_BUDDY)
            i++;
        if (i == 1UL << order)
            return true;
    }
    return false;
}

static void check_zeroed(const struct folio *f)
{
    const u64 *words = folio_address(f);

    for (size_t i = 0; i < folio_size(f) / 8; i++)
        CHECK(words[i] == 0, "FOLIO_ZERO: every byte of the folio is zero", "byte %zu of %zu isn't", i * 8, folio_size(f));
}

static bool move_alloc(unsigned order, bool zero)
{
    int at = model_room();
    struct folio *f = NULL;

    if (at < 0)
        return false;
    RETRY(f = folio_alloc(order, zero ? FOLIO_ZERO : 0), !f);
    tell("folio_alloc(order %u%s) = %s at frame 0x%lx", order, zero ? ", zeroed" : "", f ? "a folio" : "NULL",
         f ? folio_pfn(f) : 0);
    if (!f) {
        CHECK(!free_block_exists(order) || !free_block_exists(0),
              "folio_alloc() fails only when no block is free: what CPUs keep aside is used too",
              "a free block of order %u exists", order);
        return true;
    }
    for (u64 i = 0; i < 1UL << order; i++)
        CHECK(model_valid(f->pfn + i) && model_frame(f->pfn + i)->state == FRAME_FREE, "a new folio is made of free frames",
              "frame 0x%lx belongs to somebody", f->pfn + i);
    if (zero)
        check_zeroed(f);
    model_alloc((unsigned)at, f, folio_pfn(f), order);
    stamp_frames(&model.folio[at]);
    return true;
}

static bool move_get(int at, bool try)
{
    if (at < 0)
        return false;
    struct model_folio *m = &model.folio[at];
    tell("folio_%s(folio at 0x%lx)", try ? "try_get" : "get", m->pfn);
    if (try)
        CHECK_EQ(folio_try_get(m->real), true, "folio_try_get()", "it fails only at count 0");
    else
        folio_get(m->real);
    m->refs++;
    return true;
}

static bool move_put(int at)
{
    if (at < 0)
        return false;
    tell("folio_put(folio at 0x%lx, %d references%s)", model.folio[at].pfn, model.folio[at].refs,
         model.folio[at].nr_holes ? ", has holes" : "");
    folio_put(model.folio[at].real);
    model_put((unsigned)at);
    return true;
}

/* Look up a frame by its number alone. */
static bool move_look_up(pfn_t pfn)
{
    const struct model_frame *frame = model_valid(pfn) ? model_frame(pfn) : NULL;
    bool in_folio = frame && frame->state == FRAME_FOLIO && !frame->poisoned;
    struct folio *f = pfn_folio_get(pfn);
    struct insecure_mem *h = pfn_hole_get(pfn);

    tell("pfn_folio_get(0x%lx), pfn_hole_get(0x%lx), and put what they gave", pfn, pfn);
    bool expect_folio = in_folio && frame->hole < 0 && model.folio[frame->folio].refs > 0;
    CHECK(f == (expect_folio ? model.folio[frame->folio].real : NULL),
          "pfn_folio_get() gives the frame's folio; NULL for free frames, holes, poison and dying folios",
          "frame 0x%lx: %p", pfn, (void *)f);
    bool expect_hole = in_folio && frame->hole >= 0;
    CHECK(h == (expect_hole ? model.hole[frame->hole].real : NULL),
          "pfn_hole_get() gives the hole that the frame is in, and NULL elsewhere", "frame 0x%lx: %p", pfn, (void *)h);
    if (f)
        folio_put(f);
    if (h)
        hole_put(h);
    return true;
}

static bool move_freeze(int at, int more)
{
    if (at < 0)
        return false;
    struct model_folio *m = &model.folio[at];
    bool frozen = folio_ref_freeze(m->real, m->refs + more);
    tell("folio_ref_freeze(folio at 0x%lx, %d of %d references)", m->pfn, m->refs + more, m->refs);
    CHECK_EQ(frozen, more == 0, "folio_ref_freeze()", "it succeeds exactly if `expected` is the count");
    if (!frozen)
        return true;
    CHECK_EQ(folio_try_get(m->real), false, "folio_try_get() of a frozen folio", "count 0: nobody gets it");
    for (u64 i = 0; i < 1UL << m->order; i++) {
        struct model_frame *frame = model_frame(m->pfn + i);
        CHECK(!pfn_folio_get(m->pfn + i), "a frozen folio can't be found", "frame 0x%lx gives it", m->pfn + i);
        if (frame->hole < 0 && !frame->poisoned) {
            int err;
            RETRY(err = memory_failure(m->pfn + i), 0);
            if (err != -ENOMEM)
                CHECK_EQ(err, -EBUSY, "memory_failure() of a frozen folio's frame", "what can't be held on to can't be poisoned");
        }
    }
    folio_ref_unfreeze(m->real, m->refs);
    return true;
}

/* --- splitting and joining ----------------------------------------------------------------------- */
/* After a split: enter the folio at every frame into the model; `keep` is the first part's place. */
static void learn_parts(unsigned keep, pfn_t pfn, pfn_t end, unsigned order, bool around, pfn_t block)
{
    while (pfn < end) {
        struct folio *part = memdesc_pointer(memdesc_read(pfn));
        CHECK(memdesc_type(memdesc_read(pfn)) == MEMDESC_FOLIO && folio_pfn(part) == pfn,
              "after a split each part is a folio that begins where the one before ends", "none begins at 0x%lx", pfn);
        unsigned expected = order;
        while (around && !(block - pfn < 2UL << expected) && IS_ALIGNED(pfn, 2UL << expected) && pfn + (2UL << expected) <= end)
            expected++;
        CHECK_EQ(folio_order(part), expected, "order of a part",
                 "uniform: all the same; around a block: every other part as large as can be");
        unsigned at = pfn == model.folio[keep].pfn ? keep : (unsigned)model_room();
        model_become(at, part, pfn, expected);
        pfn += 1UL << expected;
    }
}

static bool parts_fit(size_t parts)
{
    size_t live = 0;
    for (unsigned i = 0; i < MODEL_FOLIOS; i++)
        live += model.folio[i].real != NULL;
    return live + parts <= MODEL_FOLIOS;
}

/* -ENOMEM is only allowed if there is no memory. */
bool out_of_memory(int err)
{
    if (err == -ENOMEM)
        CHECK(!free_block_exists(0) || failure_survived, "-ENOMEM only if there is no memory", "free frames exist");
    return err == -ENOMEM;
}

static bool move_split(int at, bool around, size_t first, unsigned order)
{
    if (at < 0)
        return false;
    struct model_folio m = model.folio[at];
    int expected = around ? model_split_around_error((unsigned)at, first, order) : model_split_error((unsigned)at, order);
    int err;

    if (!expected && !parts_fit(1UL << (m.order - order)))
        return false;
    if (around)
        RETRY(err = folio_split_around(m.real, first, order), err == -ENOMEM);
    else
        RETRY(err = folio_split(m.real, order), err == -ENOMEM);
    if (around)
        tell("folio_split_around(folio at 0x%lx, order %u; block %zu, order %u) = %s", m.pfn, m.order, first, order,
             error_name(err));
    else
        tell("folio_split(folio at 0x%lx, order %u; to order %u) = %s", m.pfn, m.order, order, error_name(err));
    if (out_of_memory(err))
        return true;
    CHECK_EQ(err, expected, around ? "folio_split_around()" : "folio_split()",
             "-EINVAL for impossible orders, -EBUSY with holes or poison, -EAGAIN while somebody else holds a reference");
    if (!err)
        learn_parts((unsigned)at, m.pfn, m.pfn + (1UL << m.order), order, around, m.pfn + first);
    return true;
}

static bool move_join(int at, unsigned order)
{
    if (at < 0)
        return false;
    struct model_folio m = model.folio[at];
    int expected = model_join_error((unsigned)at, order);
    struct folio *joined = NULL;
    int err = folio_join(m.real, order, &joined);

    tell("folio_join(folio at 0x%lx, order %u; to order %u) = %s", m.pfn, m.order, order, error_name(err));
    CHECK_EQ(err, expected, "folio_join()", "the first part that can't be joined says why; errors change nothing");
    if (err)
        return true;
    for (pfn_t pfn = m.pfn; pfn < m.pfn + (1UL << order); pfn++)
        model.folio[model_frame(pfn)->folio].real = NULL;
    model_become((unsigned)at, joined, m.pfn, order);
    return true;
}

/* --- the game ---------------------------------------------------------------------------------- */
static bool step(struct move m)
{
    int folio = pick(m.a), hole = pick_hole(m.a);
    size_t nr = folio < 0 ? 1 : 1UL << model.folio[folio].order;

    switch (m.kind) {
    case 0:
    case 1:
        return move_alloc(m.a % 6, m.b & 1);
    case 2:
        return move_get(folio, m.b & 1);
    case 3:
    case 4:
        return move_put(folio);
    case 5:
        return move_look_up(model.first - 1 + m.a % (model.end - model.first + 2));
    case 6:
        return move_freeze(folio, m.b % 3 == 0 ? 1 : m.b % 3 == 1 ? -1 : 0);
    case 7:
        return move_split(folio, false, 0, m.b % 6);
    case 8:
        return move_split(folio, true, m.b % (nr + 1), m.c % 4);
    case 9:
        return move_join(folio, m.b % 7);
    case 10:
        return move_punch(folio, m.b % (nr + 1), m.c % (nr + 1));
    case 11:
        return move_mend_hole(hole);
    case 12:
        return move_hole_ref(hole, m.b & 1);
    case 13:
        return move_memory_failure(model.first - 1 + m.a % (model.end - model.first + 2));
    case 14: /* a frame that is surely in use */
        return folio >= 0 && move_memory_failure(model.folio[folio].pfn + m.b % nr);
    case 15:
        tell("frame_cache_drain()");
        frame_cache_drain();
        return true;
    default:
        tell("CPU %u goes on", m.a % nr_cpus);
        cpu_play(m.a % nr_cpus);
        return true;
    }
}

static void finish(void)
{
    for (unsigned i = 0; i < MODEL_FOLIOS; i++)
        while (model.folio[i].real && model.folio[i].refs)
            move_put((int)i);
    for (unsigned i = 0; i < MODEL_HOLES; i++)
        while (model.hole[i].real)
            move_hole_ref((int)i, false);
    folio_game_check();
    world_end(model_poisoned());
}

static size_t alphabet(unsigned config, struct move *m, size_t max)
{
    static const struct move letters[] = {
        {0, 0, 0, 0},  {0, 2, 1, 0},  {2, 0, 0, 0},  {3, 0, 0, 0},  {3, 1, 0, 0},  {7, 0, 0, 0}, {8, 0, 1, 0},
        {9, 0, 2, 0},  {10, 0, 1, 2}, {10, 0, 0, 1}, {11, 0, 0, 0}, {12, 0, 1, 0}, {12, 0, 0, 0}, {14, 0, 1, 0},
    };

    (void)config, (void)max;
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        m[i] = letters[i];
    return ARRAY_SIZE(letters);
}

const struct game folio_game = {
    .name = "folio", .file = __FILE__, .configs = ARRAY_SIZE(sizes), .kinds = 17,
    .begin = begin, .step = step, .check = folio_game_check, .end = finish, .alphabet = alphabet,
    .exhaustive_depth = 5, .random_sequences = 2000, .random_moves = 80, .allocates = true,
};
