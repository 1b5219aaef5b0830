/* SPDX-License-Identifier: MIT */
/* Stages on address spaces: what is mapped when operations meet. */
#include "operations.h"
#include "stages.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/block.h>
#include <quire/errno.h>

#define PAGES   (1u << FOLIO_DEFAULT_ORDER)
#define PROGRAM OPERATIONS_MAX /* the CPU that makes no operation */

/* --- private memory ---------------------------------------------------------------------------- */
static void begin_fresh(void)
{
    scene_begin(1024);
    begin_private(0, PAGES);
    begin_watched(FOLIO_DEFAULT_ORDER);
    look_at_three();
}
static const struct operation on_fresh[] = {
    OP("write", op_write),
    OP("write-far", op_write_far),
    OP("read", op_read),
    OP("watch", op_watch),
    OP("munmap", op_munmap, .alone = true),
    OP("munmap-part", op_munmap_part, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("fork", op_fork),
    OP("populate", op_populate),
    OP("merge", op_merge, .alone = true),
    NO_OPERATION,
};
const struct stage stage_fresh = {.name = "fresh", .begin = begin_fresh, .operations = on_fresh, .small = false};

static void begin_fresh_pages(void)
{
    scene_begin(1024);
    begin_private(0, 4);
    CHECK_EQ(mm_madvise(scene.mm[0], BASE, 4 * PAGE_SIZE, MADV_NOHUGEPAGE), 0, "mm_madvise()", "there is memory");
    begin_watched(0);
    scene_look(0, PAGE(0));
    scene_look(0, PAGE(3));
}
static const struct operation on_fresh_pages[] = {
    OP("write", op_write),
    OP("read", op_read),
    OP("watch", op_watch),
    OP("munmap", op_munmap, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("fork", op_fork),
    OP("populate", op_populate),
    NO_OPERATION,
};
const struct stage stage_fresh_pages = {
    .name = "fresh-pages", .begin = begin_fresh_pages, .operations = on_fresh_pages, .small = true};

static void begin_zero(void)
{
    u64 value;

    scene_begin(1024);
    begin_private(0, PAGES);
    begin_watched(FOLIO_DEFAULT_ORDER);
    CHECK_EQ(user_touch(scene.mm[0], PAGE(3), ACCESS_READ, &value), 0, "a load", "there is memory");
    look_at_three();
}
static const struct operation on_zero[] = {
    OP("write", op_write),
    OP("write-far", op_write_far),
    OP("read", op_read_far),
    OP("watch", op_watch),
    OP("munmap", op_munmap, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("fork", op_fork),
    OP("populate", op_populate),
    NO_OPERATION,
};
const struct stage stage_zero = {.name = "zero", .begin = begin_zero, .operations = on_zero, .small = false};

/* One folio of default size, also in the TLB of a CPU where the program runs. */
static void begin_written_folio(void)
{
    scene_begin(1024);
    begin_private(0, PAGES);
    begin_written(PROGRAM, 0, 0, PAGES);
    begin_held(0);
    look_at_three();
}
static const struct operation on_written[] = {
    OP("write", op_write),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("poison", op_poison),
    OP("poison-next", op_poison_next),
    OP("get", op_get, .not_now = FROZEN),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("munmap", op_munmap, .alone = true),
    OP("munmap-part", op_munmap_part, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("fork", op_fork),
    OP("cold", op_cold),
    OP("cache-sync", op_cache_sync),
    OP("populate", op_populate, .alone = true),
    OP("break", op_break, .not_now = {-EHWPOISON}, .in_steps = true),
    NO_OPERATION,
};
const struct stage stage_written = {
    .name = "written", .begin = begin_written_folio, .operations = on_written, .small = false};

/* --- copy on write ----------------------------------------------------------------------------- */
static void look_at_two(void)
{
    for (unsigned s = 0; s < 2; s++) {
        scene_look(s, PAGE(0));
        scene_look(s, PAGE(3));
    }
}

static void begin_cow(void)
{
    scene_begin(1024);
    begin_private(0, 4);
    CHECK_EQ(mm_madvise(scene.mm[0], BASE, 4 * PAGE_SIZE, MADV_NOHUGEPAGE), 0, "mm_madvise()", "there is memory");
    begin_written(PROGRAM, 0, 0, 4);
    begin_cloned();
    begin_held(0);
    look_at_two();
}
static const struct operation on_cow[] = {
    OP("write", op_write),
    OP("write-second", op_write_second, .needs = SECOND),
    OP("read-second", op_read_second, .needs = SECOND),
    OP("munmap", op_munmap, .alone = true),
    OP("exit-second", op_exit_second, .alone = true, .ends = SECOND),
    OP("dontneed-second", op_dontneed_second, .alone = true, .needs = SECOND),
    OP("fork", op_fork),
    OP("poison", op_poison),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("get", op_get, .not_now = FROZEN),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("readonly", op_readonly, .alone = true),
    OP("cache-sync", op_cache_sync),
    OP("break", op_break, .not_now = {-EHWPOISON}, .in_steps = true),
    NO_OPERATION,
};
const struct stage stage_cow = {.name = "cow", .begin = begin_cow, .operations = on_cow, .small = true};

static void begin_cow_folio(void)
{
    scene_begin(1024);
    begin_private(0, PAGES);
    begin_written(PROGRAM, 0, 0, PAGES);
    begin_cloned();
    begin_held(0);
    look_at_two();
}
const struct stage stage_cow_folio = {
    .name = "cow-folio", .begin = begin_cow_folio, .operations = on_cow, .small = false};

/* --- objects ----------------------------------------------------------------------------------- */
static void make_object(unsigned order)
{
    scene.object = memobj_create(MEMOBJ_BACKED, 1UL << order, NULL);
    scene.folio = folio_alloc(order, FOLIO_ZERO);
    CHECK(scene.object && scene.folio, "there is memory", "there is none");
    folio_get(scene.folio);
    CHECK_EQ(memobj_add_folio(scene.object, 0, scene.folio), 0, "memobj_add_folio()", "there is memory");
    scene.pfn = scene.folio->pfn + 3;
}

static void begin_object_folio(void)
{
    scene_begin(1024);
    make_object(FOLIO_DEFAULT_ORDER);
    begin_shared(0, PAGES);
    begin_shared(1, PAGES);
    look_at_two();
}
#define NOT_SPLIT                                                                                                      \
    {                                                                                                                  \
        -EAGAIN, -EBUSY, 0                                                                                             \
    }
static const struct operation on_object[] = {
    OP("read", op_read),
    OP("write", op_write),
    OP("write-second", op_write_second, .needs = SECOND),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("poison", op_poison),
    OP("get", op_get, .not_now = FROZEN),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("object-page", op_object_page),
    OP("munmap", op_munmap, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("fork", op_fork),
    OP("exit-second", op_exit_second, .alone = true, .ends = SECOND),
    OP("cache-sync", op_cache_sync),
    OP("populate", op_populate),
    OP("split", op_split, .not_now = NOT_SPLIT, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    NO_OPERATION,
};
const struct stage stage_object = {
    .name = "object", .begin = begin_object_folio, .operations = on_object, .small = false};

static void begin_object_mapped(void)
{
    begin_object_folio();
    begin_written(PROGRAM, 0, 0, PAGES);
    begin_written(PROGRAM, 1, 0, PAGES);
}
const struct stage stage_object_mapped = {
    .name = "object-mapped", .begin = begin_object_mapped, .operations = on_object, .small = false};

static void begin_object_block(void)
{
    scene_begin(1024);
    make_object(BLOCK_ORDER);
    begin_shared(0, BLOCK_FRAMES);
    begin_shared(1, BLOCK_FRAMES);
    look_at_two();
}
static const struct operation on_object_block[] = {
    OP("read", op_read),
    OP("write", op_write),
    OP("write-second", op_write_second, .needs = SECOND),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("poison", op_poison),
    OP("get", op_get, .not_now = FROZEN),
    OP("munmap", op_munmap, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("fork", op_fork),
    OP("cache-sync", op_cache_sync, .alone = true),
    NO_OPERATION,
};
const struct stage stage_object_block = {
    .name = "object-block", .begin = begin_object_block, .operations = on_object_block, .small = false};

/* --- blocks ------------------------------------------------------------------------------------ */
static void begin_private_block(void)
{
    scene_begin(1024);
    begin_private(0, BLOCK_FRAMES);
    CHECK_EQ(mm_madvise(scene.mm[0], BASE, BLOCK_BYTES, MADV_HUGEPAGE), 0, "mm_madvise()", "there is memory");
    begin_written(PROGRAM, 0, 0, 6);
    CHECK(block_at(&scene.mm[0]->root, BASE), "a block is mapped where one fits", "there is none");
    begin_held(0);
}
static void begin_block(void)
{
    begin_private_block();
    look_at_three();
}
static const struct operation on_block[] = {
    OP("write", op_write),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("poison", op_poison),
    OP("poison-next", op_poison_next),
    OP("get", op_get, .not_now = FROZEN),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("munmap", op_munmap, .alone = true),
    OP("munmap-part", op_munmap_part, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("readonly-part", op_readonly_part, .alone = true),
    OP("fork", op_fork),
    OP("cold", op_cold, .alone = true),
    OP("cache-sync", op_cache_sync, .alone = true),
    OP("populate", op_populate, .alone = true),
    NO_OPERATION,
};
const struct stage stage_block = {.name = "block", .begin = begin_block, .operations = on_block, .small = false};

static void begin_block_cow(void)
{
    begin_private_block();
    begin_cloned();
    look_at_two();
}
static const struct operation on_block_cow[] = {
    OP("write", op_write),
    OP("write-second", op_write_second, .needs = SECOND),
    OP("poison", op_poison),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("munmap", op_munmap, .alone = true),
    OP("exit-second", op_exit_second, .alone = true, .ends = SECOND),
    OP("fork", op_fork),
    OP("readonly", op_readonly, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    NO_OPERATION,
};
const struct stage stage_block_cow = {
    .name = "block-cow", .begin = begin_block_cow, .operations = on_block_cow, .small = false};

/* --- holes ------------------------------------------------------------------------------------- */
/* Private memory whose frames 3 and 4 are in a hole: marks. */
static void begin_marks(void)
{
    scene_begin(1024);
    begin_private(0, PAGES);
    begin_written(PROGRAM, 0, 0, PAGES);
    begin_held(0);
    begin_hole();
    look_at_three();
}
static const struct operation on_marks[] = {
    OP("read", op_read),
    OP("write", op_write),
    OP("mend", op_mend, .not_now = {-EBUSY}, .alone = true),
    OP("punch", op_punch, .alone = true, .needs = REFERENCE),
    OP("poison", op_poison),
    OP("hole-get", op_hole_get),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("munmap", op_munmap, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("fork", op_fork),
    OP("readonly", op_readonly, .alone = true),
    OP("populate", op_populate, .alone = true),
    NO_OPERATION,
};
const struct stage stage_marks = {.name = "marks", .begin = begin_marks, .operations = on_marks, .small = false};

/* A hole that the first space maps. */
static long op_show_second(void)
{
    long err = mm_map_hole(scene.mm[1], &scene.shown[1], scene.hole, PROT_READ | PROT_WRITE);

    if (err)
        scene.shown[1] = 0;
    return err;
}
static long op_hide(void)
{
    mm_unmap_hole(scene.mm[0], scene.shown[0], scene.hole);
    return 0;
}
static long op_munmap_shown(void) { return mm_unmap(scene.mm[0], scene.shown[0], PAGE_SIZE); }
static void begin_shown(void)
{
    u64 value = 3;

    begin_shown_hole();
    cpu_play(PROGRAM);
    CHECK_EQ(user_touch(scene.mm[0], scene.shown[0], ACCESS_WRITE, &value), 0, "a store",
             "a hole that is shown may be written");
    cpu_play(0);
}
static const struct operation on_shown[] = {
    OP("hide", op_hide),
    OP("show-second", op_show_second, .alone = true, .needs = SECOND),
    OP("munmap", op_munmap_shown),
    OP("write", op_write_shown),
    OP("poison", op_poison),
    OP("hole-get", op_hole_get),
    OP("poison-next", op_poison_next),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("exit-second", op_exit_second, .alone = true, .ends = SECOND),
    NO_OPERATION,
};
const struct stage stage_shown = {.name = "shown", .begin = begin_shown, .operations = on_shown, .small = true};
