/* SPDX-License-Identifier: MIT */
/* Stages on folios that no address space maps. */
#include "operations.h"
#include "stages.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/errno.h>
#include <quire/poison.h>

#define NOT_SPLIT {-EAGAIN, -EBUSY, 0}

static void make_folio(unsigned order)
{
    scene.folio = folio_alloc(order, 0);
    CHECK(scene.folio, "there is memory", "there is none");
    scene.pfn = scene.folio->pfn + 3;
}

/* One reference: whoever splits has no other. */
static void begin_folio(void)
{
    scene_begin(1024);
    make_folio(FOLIO_DEFAULT_ORDER);
}
static const struct operation on_folio[] = {
    {"get", op_get, {0}, false},       {"punch", op_punch, {0}, false},         {"poison", op_poison, {0}, false},
    {"poison-next", op_poison_next, {0}, false}, {"split", op_split, NOT_SPLIT, true}, {"split-around", op_split_around, NOT_SPLIT, true},
    {"alloc", op_alloc, {0}, false},   NO_OPERATION,
};
const struct stage stage_folio = {"folio", begin_folio, on_folio, true};

/* Its last reference goes while it has a hole. */
static void begin_dying(void)
{
    scene_begin(1024);
    make_folio(3);
    begin_hole();
}
static long op_poison_outside(void)
{
    return memory_failure(scene.pfn - 1);
}
static const struct operation on_dying[] = {
    {"put", op_put, {0}, true},           {"mend", op_mend, {-EBUSY}, true},    {"get", op_get, {0}, false},
    {"hole-get", op_hole_get, {0}, false}, {"poison", op_poison, {0}, false},    {"poison-outside", op_poison_outside, {0}, false},
    {"alloc", op_alloc, {0}, false},      NO_OPERATION,
};
const struct stage stage_dying = {"dying", begin_dying, on_dying, true};

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
    {"join", op_join, NOT_SPLIT, true}, {"get", op_get, {0}, false}, {"poison", op_poison, {0}, false},
    {"alloc", op_alloc, {0}, false},    NO_OPERATION,
};
const struct stage stage_parts = {"parts", begin_parts, on_parts, true};

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
    {"put", op_put, {0}, true},        {"get", op_get, {0}, false},    {"alloc", op_alloc_page, {0}, false}, {"watch", op_watch, {0}, false},
    {"poison", op_poison, {0}, false}, {"poison-watched", op_poison_watched, {0}, false}, NO_OPERATION,
};
const struct stage stage_free = {"free", begin_free, on_free, true};
