/* SPDX-License-Identifier: MIT */
/* Game "folio": moves that punch, mend and poison. */
#include "folio.h"
#include <quire/errno.h>
#include <quire/poison.h>

bool move_punch(int at, size_t first, size_t nr)
{
    int place = model_hole_room();

    if (at < 0 || place < 0)
        return false;
    struct insecure_mem *h = NULL;
    int expected = model_punch_error((unsigned)at, first, nr), err;
    RETRY(err = folio_punch_hole(model.folio[at].real, first, nr, HOLE_RESERVED, &h), err == -ENOMEM);
    tell("folio_punch_hole(folio at 0x%lx, order %u; frames %zu + %zu) = %s", model.folio[at].pfn, model.folio[at].order,
         first, nr, error_name(err));
    if (out_of_memory(err))
        return true;
    CHECK_EQ(err, expected, "folio_punch_hole()", "-EINVAL outside the folio, -EBUSY over a hole, -EHWPOISON over poison");
    if (!err)
        model_punch((unsigned)at, (unsigned)place, h, first, nr);
    return true;
}

int pick_hole(unsigned which)
{
    unsigned live = 0;

    for (unsigned i = 0; i < MODEL_HOLES; i++)
        live += model.hole[i].real != NULL;
    which = live ? which % live : 0;
    for (unsigned i = 0; live && i < MODEL_HOLES; i++)
        if (model.hole[i].real && which-- == 0)
            return (int)i;
    return -1;
}

bool move_mend_hole(int at)
{
    if (at < 0)
        return false;
    struct model_hole *m = &model.hole[at];
    int expected = model_mend_error((unsigned)at), err = folio_mend_hole(m->real);
    tell("folio_mend_hole(hole at 0x%lx, %u frames) = %s", m->first, m->nr, error_name(err));
    CHECK_EQ(err, expected, "folio_mend_hole()", "-EBUSY exactly while somebody else holds a reference to this hole");
    if (!err)
        model_close((unsigned)at);
    return true;
}

bool move_hole_ref(int at, bool get)
{
    if (at < 0)
        return false;
    struct model_hole *m = &model.hole[at];
    tell("hole_%s(hole at 0x%lx, %d references)", get ? "get" : "put", m->first, m->refs);
    if (get)
        hole_get(m->real);
    else
        hole_put(m->real);
    m->refs += get ? 1 : -1;
    if (!m->refs)
        model_close((unsigned)at);
    return true;
}

static int expect_failure(pfn_t pfn)
{
    if (!model_valid(pfn))
        return -EINVAL;
    const struct model_frame *frame = model_frame(pfn);
    if (frame->poisoned)
        return -EHWPOISON;
    if (frame->state == FRAME_FREE) /* free now: the allocation of the record may have made it a slab */
        return memdesc_type(memdesc_read(pfn)) == MEMDESC_SLAB ? -EBUSY : 0;
    return 0;
}

bool move_memory_failure(pfn_t pfn)
{
    int err;

    RETRY(err = memory_failure(pfn), err == -ENOMEM);
    tell("memory_failure(0x%lx) = %s", pfn, error_name(err));
    if (out_of_memory(err))
        return true;
    CHECK_EQ(err, expect_failure(pfn), "memory_failure()",
             "0 for free frames, folios (dying ones, too) and holes; -EHWPOISON twice; -EBUSY for the kernel's own; -EINVAL for no frame");
    if (!err)
        model_poison(pfn);
    return true;
}
