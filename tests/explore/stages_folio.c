/* SPDX-License-Identifier: MIT */
/* Stages on folios that no address space maps. */
#include "operations.h"
#include "stages.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/errno.h>
#include <quire/poison.h>

#define NOT_SPLIT                                                                                                      \
    {                                                                                                                  \
        -EAGAIN, -EBUSY, 0                                                                                             \
    }

static void make_folio(unsigned order)
{
    scene.folio = folio_alloc(order, 0);
    CHECK(scene.folio, "there is memory", "there is none");
    scene.pfn = scene.folio->pfn + 3;
}

/* One reference: a split allows no other. */
static void begin_folio(void)
{
    scene_begin(1024);
    make_folio(FOLIO_DEFAULT_ORDER);
}
static const struct operation on_folio[] = {
    OP("get", op_get, .not_now = FROZEN),
    OP("punch", op_punch, .needs = REFERENCE),
    OP("poison", op_poison),
    OP("poison-next", op_poison_next),
    OP("split", op_split, .not_now = NOT_SPLIT, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("split-around", op_split_around, .not_now = NOT_SPLIT, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("alloc", op_alloc),
    NO_OPERATION,
};
const struct stage stage_folio = {.name = "folio", .begin = begin_folio, .operations = on_folio, .small = true};

/* Its last reference goes while it has a hole. */
static void begin_dying(void)
{
    scene_begin(1024);
    make_folio(3);
    begin_hole();
}
static long op_poison_outside(void) { return memory_failure(scene.pfn - 1); }
static const struct operation on_dying[] = {
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("mend", op_mend, .not_now = {-EBUSY}, .alone = true),
    OP("get", op_get, .not_now = FROZEN),
    OP("hole-get", op_hole_get),
    OP("poison", op_poison),
    OP("poison-outside", op_poison_outside),
    OP("alloc", op_alloc),
    NO_OPERATION,
};
const struct stage stage_dying = {.name = "dying", .begin = begin_dying, .operations = on_dying, .small = true};

/* Two halves of what was one. */
static void begin_parts(void)
{
    scene_begin(1024);
    make_folio(3);
    CHECK_EQ(folio_split(scene.folio, 2), 0, "folio_split()", "nobody else has it");
    scene.part[0] = scene.folio;
    scene.folio = NULL;
    scene.part[1] = pfn_folio_get(scene.part[0]->pfn + 4);
    folio_put(scene.part[1]);
    scene.pfn = scene.part[1]->pfn;
}
static const struct operation on_parts[] = {
    OP("join", op_join, .not_now = NOT_SPLIT, .alone = true),
    OP("get", op_get, .not_now = FROZEN),
    OP("poison", op_poison),
    OP("alloc", op_alloc),
    NO_OPERATION,
};
const struct stage stage_parts = {.name = "parts", .begin = begin_parts, .operations = on_parts, .small = true};

/* A folio that comes and goes. */
static void begin_free(void)
{
    scene_begin(1024);
    begin_watched(0);
    scene.folio = folio_alloc(0, 0);
    scene.pfn = scene.folio->pfn;
}
static long op_alloc_page(void)
{
    scene.made[running] = folio_alloc(0, 0);
    return scene.made[running] ? 0 : -ENOMEM;
}
static long op_poison_watched(void) { return memory_failure(scene.watched[running ? 0 : 1]); }
static const struct operation on_free[] = {
    OP("put", op_put, .alone = true, .needs = REFERENCE, .ends = REFERENCE),
    OP("get", op_get, .not_now = FROZEN),
    OP("alloc", op_alloc_page),
    OP("watch", op_watch),
    OP("poison", op_poison),
    OP("poison-watched", op_poison_watched),
    NO_OPERATION,
};
const struct stage stage_free = {.name = "free", .begin = begin_free, .operations = on_free, .small = true};
