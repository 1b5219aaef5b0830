/* SPDX-License-Identifier: MIT */
/* Operations on folios, holes and broken frames: operations.h. */
#include "operations.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include <quire/errno.h>
#include <quire/folio_trim.h>
#include <quire/hole.h>
#include <quire/poison.h>

/* --- how worlds begin -------------------------------------------------------------------------- */
/* A CPU allocates next what it has freed last, so a look-up knows the frame. */
void begin_watched(unsigned order)
{
    for (unsigned cpu = 0; cpu < OPERATIONS_MAX; cpu++) {
        cpu_play(cpu);
        struct folio *f = folio_alloc(order, 0);
        CHECK(f, "there is memory", "there is none");
        scene.watched[cpu] = f->pfn;
        folio_put(f);
    }
    cpu_play(0);
}

void begin_hole(void)
{
    CHECK_EQ(folio_punch_hole(scene.folio, scene.pfn - scene.folio->pfn, 2, HOLE_RESERVED, &scene.hole), 0,
             "folio_punch_hole()", "nothing is in the way");
}

/* --- references -------------------------------------------------------------------------------- */
long op_get(void)
{
    scene.got[running] = look_up(scene.pfn);
    return scene.got[running] ? 0 : -ENOENT;
}

long op_watch(void)
{
    for (unsigned cpu = 0; cpu < OPERATIONS_MAX && !scene.got[running]; cpu++)
        if (cpu != running)
            scene.got[running] = look_up(scene.watched[cpu]);
    return scene.got[running] != NULL;
}

long op_put(void)
{
    struct folio *f = scene.folio;

    scene.folio = NULL;
    let_go(f, 1);
    return 0;
}

long op_alloc(void)
{
    scene.made[running] = folio_alloc(FOLIO_DEFAULT_ORDER, FOLIO_ZERO);
    return scene.made[running] ? 0 : -ENOMEM;
}

long op_object_page(void)
{
    scene.got[running] = memobj_folio(scene.object, 3);
    return scene.got[running] ? 0 : -ENOMEM;
}

/* --- words change ------------------------------------------------------------------------------ */
long op_punch(void)
{
    long err = folio_punch_hole(scene.folio, scene.pfn - scene.folio->pfn, 2, HOLE_RESERVED, &scene.hole_made[running]);

    if (err)
        scene.hole_made[running] = NULL;
    else
        CHECK(!remembered(scene.pfn, 2), "hole.h: on success host mappings of those frames are gone on all CPUs",
              "a CPU still remembers a translation to frame 0x%lx when folio_punch_hole() returns", scene.pfn);
    return err;
}

static long poison(pfn_t pfn)
{
    long err = memory_failure(pfn);

    CHECK(err || !remembered(pfn, 1), "every mapping of a broken frame goes",
          "a CPU still remembers a translation to frame 0x%lx when memory_failure() returns", pfn);
    return err;
}
long op_poison(void) { return poison(scene.pfn); }
long op_poison_next(void) { return poison(scene.pfn + 1); }

long op_mend(void)
{
    long err = folio_mend_hole(scene.hole);

    if (!err)
        scene.hole = NULL;
    return err;
}

long op_hole_get(void)
{
    scene.hole_got[running] = pfn_hole_get(scene.pfn);
    return scene.hole_got[running] != NULL;
}

/* --- parts ------------------------------------------------------------------------------------- */
long op_split(void)
{
    pfn_t end = scene.folio->pfn + folio_nr_pages(scene.folio);
    long err = folio_split(scene.folio, 2);

    if (!err)
        scene.cut_end = end;
    return err;
}

long op_split_around(void)
{
    pfn_t end = scene.folio->pfn + folio_nr_pages(scene.folio);
    long err = folio_split_around(scene.folio, 3, 0);

    if (!err)
        scene.cut_end = end;
    return err;
}

long op_join(void)
{
    struct folio *joined;
    long err = folio_join(scene.part[0], scene.part[0]->order + 1u, &joined);

    if (!err)
        scene.part[1] = NULL;
    return err;
}

long op_trim(void)
{
    folios_trim(NULL, 1);
    return 0;
}
