/* SPDX-License-Identifier: MIT */
/*
 * Stages on areas: areas are split, merged, replaced, grown and mapped while their pages are used, punched and
 * poisoned. Stages on the pages of one area are in stages_mm.c.
 */
#include "operations.h"
#include "stages.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/errno.h>

/* More bits of needs and ends: the first space; the hole. */
#define FIRST   4u
#define HOLE    8u
#define PAGES   (1u << FOLIO_DEFAULT_ORDER)
#define PROGRAM OPERATIONS_MAX /* the CPU that makes no operation */
#define RW      (PROT_READ | PROT_WRITE)
#define FOUND   .not_now = {-ENOENT, -EBUSY, -EHWPOISON}, .in_steps = true

static void map_there(vaddr_t addr, unsigned pages, unsigned flags)
{
    CHECK_EQ(mm_map(scene.mm[0], &addr, pages * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED | flags, NULL, 0), 0, "mm_map()",
             "there is memory");
}

/* --- operations -------------------------------------------------------------------------------- */
static long protect(vaddr_t addr, unsigned pages, unsigned prot)
{
    return mm_protect(scene.mm[0], addr, pages * PAGE_SIZE, prot);
}
static long op_rejoin(void) { return protect(BASE, PAGES, RW); }
static long op_exec(void) { return protect(BASE, PAGES, PROT_READ | PROT_EXEC); }
static long op_none(void) { return protect(PAGE(2), 2, PROT_NONE); }
static long op_huge(void) { return mm_madvise(scene.mm[0], PAGE(2), 2 * PAGE_SIZE, MADV_HUGEPAGE); }
static long op_replace(void)
{
    vaddr_t addr = PAGE(2);
    return mm_map(scene.mm[0], &addr, 4 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0);
}

/* A hole in the folio that the frame belongs to now. */
static long op_punch_found(void)
{
    struct folio *f = look_up(scene.pfn);

    if (!f)
        return -ENOENT;
    long err = folio_punch_hole(f, scene.pfn - f->pfn, 1, HOLE_RESERVED, &scene.hole_made[running]);
    if (err)
        scene.hole_made[running] = NULL;
    let_go(f, 1);
    return err;
}

/* --- areas of private memory ------------------------------------------------------------------- */
static void begin_areas(void)
{
    scene_begin(1024);
    begin_private(0, PAGES);
    begin_written(PROGRAM, 0, 0, PAGES);
    scene.pfn = scene.first + 3;
    look_at_three();
}
static const struct operation on_areas[] = {
    OP("readonly-part", op_readonly_part, .alone = true),
    OP("rejoin", op_rejoin, .alone = true),
    OP("none", op_none, .alone = true),
    OP("merge", op_merge, .alone = true),
    OP("huge", op_huge, .alone = true),
    OP("replace", op_replace, .alone = true),
    OP("munmap-part", op_munmap_part, .alone = true),
    OP("dontneed-part", op_dontneed_part, .alone = true),
    OP("exec", op_exec, .alone = true),
    OP("write", op_write),
    OP("read", op_read),
    OP("punch-found", op_punch_found, FOUND),
    OP("poison", op_poison),
    OP("trim", op_trim),
    OP("fork", op_fork),
    OP("cache-sync", op_cache_sync),
    OP("populate", op_populate, .alone = true),
    OP("get", op_get, .not_now = FROZEN),
    NO_OPERATION,
};
const struct stage stage_areas = {.name = "areas", .begin = begin_areas, .operations = on_areas};

static void begin_areas_cut(void)
{
    begin_areas();
    op_readonly_part();
}
const struct stage stage_areas_cut = {.name = "areas-cut", .begin = begin_areas_cut, .operations = on_areas};

/* --- an object goes ---------------------------------------------------------------------------- */
static long op_object_put(void)
{
    struct memobj *o = scene.object;
    scene.object = NULL;
    memobj_put(o);
    return 0;
}
static void begin_going(void)
{
    scene_begin(1024);
    scene.object = memobj_create(MEMOBJ_BACKED, 8, NULL);
    scene.folio = folio_alloc(3, FOLIO_ZERO);
    folio_get(scene.folio);
    CHECK_EQ(memobj_add_folio(scene.object, 0, scene.folio), 0, "memobj_add_folio()", "there is memory");
    scene.pfn = scene.folio->pfn + 3;
}
static const struct operation on_going[] = {
    OP("object-put", op_object_put, .alone = true),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("punch-found", op_punch_found, FOUND),
    OP("poison", op_poison),
    OP("get", op_get, .not_now = FROZEN),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("trim", op_trim),
    NO_OPERATION,
};
const struct stage stage_going = {.name = "going", .begin = begin_going, .operations = on_going, .small = true};

/* --- a stack grows ----------------------------------------------------------------------------- */
#define STACK 100u
static long touch_at(unsigned page, unsigned access)
{
    u64 value = 1000;
    return user_touch(scene.mm[0], PAGE(page), access, &value);
}
static long op_grow(void) { return touch_at(STACK - 1, ACCESS_WRITE); }
static long op_grow_far(void) { return touch_at(STACK - 40, ACCESS_WRITE); }
static long op_stack_write(void) { return touch_at(STACK + 1, ACCESS_WRITE); }
static long op_stack_cut(void) { return protect(PAGE(STACK + 1), 1, PROT_READ); }
static long op_stack_rejoin(void) { return protect(PAGE(STACK), 4, RW); }
static long op_stack_munmap(void) { return mm_unmap(scene.mm[0], PAGE(STACK - 64), 68 * PAGE_SIZE); }
static long op_map_below(void)
{
    vaddr_t addr = PAGE(STACK - 60);
    return mm_map(scene.mm[0], &addr, 4 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0);
}
static void begin_stack(void)
{
    scene_begin(1024);
    begin_private(0, 1);
    map_there(PAGE(STACK), 4, MAP_GROWSDOWN);
    begin_written(PROGRAM, 0, STACK, 4);
    scene.pfn = pte_pfn(mm_lookup(scene.mm[0], PAGE(STACK + 1)));
    scene_look(0, PAGE(STACK + 1));
    scene_look(0, PAGE(STACK - 1));
    scene_look(0, PAGE(STACK - 40));
}
static const struct operation on_stack[] = {
    OP("grow", op_grow),
    OP("grow-far", op_grow_far),
    OP("write", op_stack_write),
    OP("cut", op_stack_cut, .alone = true),
    OP("rejoin", op_stack_rejoin, .alone = true),
    OP("munmap", op_stack_munmap, .alone = true),
    OP("map-below", op_map_below, .alone = true),
    OP("punch-found", op_punch_found, FOUND),
    OP("poison", op_poison),
    OP("fork", op_fork),
    OP("trim", op_trim),
    NO_OPERATION,
};
const struct stage stage_stack = {.name = "stack", .begin = begin_stack, .operations = on_stack};

/* --- a hole closes while it is mapped ---------------------------------------------------------- */
static long op_mend_shown(void)
{
    long err = folio_mend_hole(scene.hole);
    if (!err)
        scene.hole = NULL;
    return err;
}
static long op_munmap_first(void) { return mm_unmap(scene.mm[0], scene.shown[0], PAGE_SIZE); }
static long op_munmap_both(void) { return mm_unmap(scene.mm[0], scene.shown[0], 2 * PAGE_SIZE); }
static long op_cut_shown(void) { return protect(scene.shown[0], 1, PROT_READ); }
static long op_rejoin_shown(void) { return protect(scene.shown[0], 2, RW); }
static long op_exit_first(void)
{
    struct mm *mm = scene.mm[0];
    scene.mm[0] = NULL;
    mm_put(mm);
    return 0;
}
static long op_let_hole_go(void) /* the base reference */
{
    struct insecure_mem *h = scene.hole;
    scene.hole = NULL;
    hole_put(h);
    return 0;
}
static const struct operation on_closing[] = {
    OP("mend", op_mend_shown, .alone = true, .not_now = {-EBUSY}, .ends = HOLE, .needs = HOLE),
    OP("let-go", op_let_hole_go, .alone = true, .ends = HOLE, .needs = HOLE),
    OP("munmap-first", op_munmap_first, .needs = FIRST),
    OP("munmap-both", op_munmap_both, .needs = FIRST),
    OP("cut", op_cut_shown, .needs = FIRST),
    OP("rejoin", op_rejoin_shown, .needs = FIRST),
    OP("exit-first", op_exit_first, .alone = true, .ends = FIRST, .needs = FIRST),
    OP("write", op_write_shown, .needs = FIRST),
    OP("poison", op_poison),
    OP("poison-next", op_poison_next),
    OP("hole-get", op_hole_get),
    OP("fork", op_fork, .needs = FIRST),
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    NO_OPERATION,
};
const struct stage stage_closing = {.name = "closing", .begin = begin_shown_hole, .operations = on_closing, .small = true};
static void begin_closing_cut(void)
{
    begin_shown_hole();
    op_cut_shown();
}
const struct stage stage_closing_cut = {
    .name = "closing-cut", .begin = begin_closing_cut, .operations = on_closing, .small = true};
