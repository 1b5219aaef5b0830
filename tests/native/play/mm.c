/* SPDX-License-Identifier: MIT */
/*
 * Game "mm": up to four address spaces in one machine, programs that read and write their memory through the model TLB
 * on up to four CPUs, and everything else that may happen to memory meanwhile: forks, holes, broken frames.
 */
#include "mm.h"
#include <quire/block.h>
#include <quire/buddy.h>
#include <quire/tlb.h>

static const u64 sizes[] = {128, 256, 1024, 4096};
struct mm *mms[SPACES];
struct memobj *game_objects[GAME_OBJECTS];
struct game_hole game_holes[GAME_HOLES];
struct folio *held_folio;
u64 lost_frames;
static const u64 object_sizes[GAME_OBJECTS] = {24, 100, WINDOW_PAGES};

static void begin(unsigned config)
{
    world_begin(sizes[config], config == 0 ? 1 : config < 3 ? 2 : WORLD_CPUS);
    spaces_begin();
    lost_frames = 0;
    pins_begin();
    asid_test_limit(2 * nr_cpus + 2); /* ASIDs run out often */
    for (unsigned i = 0; i < SPACES; i++)
        mms[i] = NULL;
    for (unsigned i = 0; i < GAME_HOLES; i++)
        game_holes[i].real = NULL;
    for (unsigned i = 0; i < GAME_OBJECTS; i++) {
        game_objects[i] = memobj_create(MEMOBJ_BACKED, object_sizes[i], NULL);
        object_new(object_sizes[i]);
    }
    move_add_folio(1, 3, 4); /* large folios that don't begin where tables begin */
    move_add_folio(1, 19, 3);
    move_add_folio(1, 40, 2);
    if (config) /* if there is room: a folio that blocks can map */
        move_add_folio(2, 0, BLOCK_ORDER < 7 ? 7 : 0);
    mms[0] = mm_create();
    spaces[0].used = true;
}

bool memory_is_short(void)
{
    u64 free = buddy.nr_free;

    return failure_survived || failing_everywhere || free < 48;
}

/* Most moves use the same few pages, at the border of two tables. */
#define HOT (WINDOW_PAGES / 2 - 8)

static bool step(struct move m)
{
    unsigned space = m.a % SPACES, page = m.b < 192 ? HOT + m.b % 16 : m.b % WINDOW_PAGES;
    unsigned nr = m.c < 128 ? 1u + m.c % 6u : m.c < 216 ? 1u + m.c % 40u : WINDOW_PAGES / 2;

    if (m.c >= 216) /* where the native format has blocks: one of them or both */
        page = m.c & 1 ? WINDOW_PAGES / 2 : 0u, nr <<= m.c >> 1 & 1u;

    for (unsigned i = 0; i < SPACES && !mms[space]; i++)
        space = (space + 1) % SPACES;
    if (!mms[space])
        return move_create(space);
    if (m.kind >= 5 && m.kind <= 10) /* each touch by some CPU, so TLBs have different contents */
        cpu_play((m.c >> 1) % nr_cpus);
    nr = page + nr > WINDOW_PAGES ? WINDOW_PAGES - page : nr;
    switch (m.kind) {
    case 0:
    case 1:
        return move_map(space, page, nr, m.a >> 2);
    case 2:
        return move_unmap(space, page, nr);
    case 3:
    case 4:
        return move_protect(space, page, nr, m.a >> 2);
    case 5:
        return move_touch(space, page, ACCESS_READ, m.c);
    case 6:
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
            cpu_play(cpu);
            move_touch(space, page, ACCESS_READ, m.c);
        }
        return true;
    case 7:
    case 8:
    case 9:
        return move_touch(space, page, ACCESS_WRITE, m.c);
    case 10:
        return m.c & 8 ? move_touch(space, page, ACCESS_EXEC, m.c) : move_sweep(space, page, nr, m.c & 1);
    case 11:
        return move_clone(space, m.b % SPACES);
    case 12:
        return move_put(space);
    case 13:
    case 14:
        return move_advise(space, page, nr, m.a >> 2);
    case 15:
        return m.c & 1 ? move_nonsense(space, m.b) : move_age(space, page);
    case 16:
        return m.c & 3 ? move_poison_page(space, page) : move_poison_object((m.c >> 2) % GAME_OBJECTS, m.b % OBJECT_PAGES);
    case 17:
        return move_punch_page(space, page, 1 + m.c % 6);
    case 18:
        return move_mend(m.b);
    case 19:
        return move_add_folio((m.a >> 2) % GAME_OBJECTS, m.b, m.c % 5);
    case 20:
        return move_map_hole(space, m.c, page, m.a >> 2);
    case 21:
        return move_pin(space, page, m.c);
    case 22:
        return move_unpin(m.c);
    case 23:
        return m.b & 1 ? move_split_pinned(m.c, m.b >> 1 & 3) : move_join_pinned(m.c, m.b >> 1 & 7);
    case 24:
        return move_map_pages(space, page, 1 + m.c);
    default:
        return move_rewrite(space, page);
    }
}

static void finish(void)
{
    for (unsigned s = 0; s < SPACES; s++)
        if (mms[s])
            move_put(s);
    mend_all();
    unpin_all();
    for (unsigned i = 0; i < GAME_OBJECTS; i++)
        memobj_put(game_objects[i]);
    world_end(lost_frames);
}

static size_t alphabet(unsigned config, struct move *m, size_t max)
{
    static const struct move letters[] = {
        {0, 0 << 2, 4, 7},   /* page 60 + 8: private anonymous, over two tables */
        {0, 1 << 2, 4, 3},   /* shared anonymous */
        {0, 2 << 2, 6, 3},   /* private, of an object */
        {7, 0, 6, 0},        /* write, on CPU 0 */
        {7, 1, 6, 2},        /* write in the child, on CPU 1 */
        {6, 0, 6, 0},        /* read, on both CPUs */
        {6, 1, 6, 0},        /* the child too */
        {11, 0, 1, 0},       /* fork */
        {12, 0, 0, 0},       /* exit */
        {3, 1 << 2, 5, 2},   /* read-only */
        {3, 2 << 2, 5, 2},   /* read-write */
        {2, 0, 5, 2},        /* unmap the middle */
        {13, 0, 6, 0},       /* madvise DONTNEED */
        {16, 0, 6, 1},       /* poison */
        {17, 0, 6, 0},       /* punch */
        {21, 0, 6, 0},       /* pin */
    };

    (void)config, (void)max;
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        m[i] = letters[i];
    return ARRAY_SIZE(letters);
}

const struct game mm_game = {
    .name = "mm", .file = __FILE__, .configs = ARRAY_SIZE(sizes), .kinds = 26,
    .begin = begin, .step = step, .check = mm_game_check, .end = finish, .alphabet = alphabet,
    .exhaustive_depth = 4, .exhaustive_config = 1, .random_sequences = 4000, .random_moves = 150, .allocates = true,
};
