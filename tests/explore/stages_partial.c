/* SPDX-License-Identifier: MIT */
/* A private folio that is mapped only in part, and is cut down to that part while others use it. */
#include "operations.h"
#include "stages.h"
#include "../native/play/check.h"
#include <quire/errno.h>

#define PAGES (1u << FOLIO_DEFAULT_ORDER)

static void begin_partial(void)
{
    scene_begin(1024);
    begin_private(0, PAGES);
    begin_written(OPERATIONS_MAX, 0, 0, PAGES);
    scene.pfn = scene.first + 3;
    scene_look(0, PAGE(0));
    scene_look(0, PAGE(3));
    scene_look(0, PAGE(PAGES / 2));
    CHECK_EQ(mm_unmap(scene.mm[0], PAGE(PAGES / 2), PAGES / 2 * PAGE_SIZE), 0, "mm_unmap()", "there is memory");
}
static const struct operation on_partial[] = {
    OP("trim", op_trim),
    OP("write", op_write),
    OP("get", op_get, .not_now = FROZEN),
    OP("poison", op_poison),
    OP("munmap", op_munmap, .alone = true),
    OP("dontneed", op_dontneed, .alone = true),
    OP("readonly", op_readonly, .alone = true),
    OP("fork", op_fork),
    OP("cache-sync", op_cache_sync),
    OP("break", op_break, .not_now = {-EHWPOISON}, .in_steps = true),
    NO_OPERATION,
};
const struct stage stage_partial = {.name = "partial", .begin = begin_partial, .operations = on_partial};
