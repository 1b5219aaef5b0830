/* SPDX-License-Identifier: MIT */
/* The reference model of frames, folios, holes and poison: see frames.h. */
#include "frames.h"
#include <quire/buddy.h>
#include <quire/errno.h>
#include <string.h>

struct model model;

void model_begin(pfn_t first, u64 frames)
{
    memset(&model, 0, sizeof(model));
    model.first = first;
    model.end = first + frames;
    for (pfn_t pfn = first; pfn < model.end; pfn++)
        model_frame(pfn)->hole = -1;
}

u64 model_frames_used(void)
{
    u64 used = 0;
    for (pfn_t pfn = model.first; pfn < model.end; pfn++)
        used += model_frame(pfn)->state != FRAME_FREE;
    return used;
}

u64 model_poisoned(void)
{
    u64 nr = 0;
    for (pfn_t pfn = model.first; pfn < model.end; pfn++)
        nr += model_frame(pfn)->poisoned;
    return nr;
}

u64 model_objects(void)
{
    u64 nr = model_poisoned();

    for (unsigned i = 0; i < MODEL_FOLIOS; i++)
        nr += model.folio[i].real != NULL;
    for (unsigned i = 0; i < MODEL_HOLES; i++)
        nr += model.hole[i].real != NULL;
    return nr;
}

int model_room(void)
{
    for (int i = 0; i < MODEL_FOLIOS; i++)
        if (!model.folio[i].real)
            return i;
    return -1;
}

int model_hole_room(void)
{
    for (int i = 0; i < MODEL_HOLES; i++)
        if (!model.hole[i].real)
            return i;
    return -1;
}

/* --- answers ----------------------------------------------------------------------------------- */
static int unsplittable(const struct model_folio *f)
{
    if (f->nr_holes || f->poisoned)
        return -EBUSY;
    return f->refs == 1 ? 0 : -EAGAIN;
}

int model_split_error(unsigned folio, unsigned order)
{
    return order >= model.folio[folio].order ? -EINVAL : unsplittable(&model.folio[folio]);
}

int model_split_around_error(unsigned folio, size_t first, unsigned order)
{
    const struct model_folio *f = &model.folio[folio];

    if (order >= f->order || first % (1UL << order) || first >= 1UL << f->order)
        return -EINVAL;
    return unsplittable(f);
}

/* The parts are checked from low to high; the first that can't be joined gives the error. */
int model_join_error(unsigned folio, unsigned order)
{
    const struct model_folio *low = &model.folio[folio];
    pfn_t end = low->pfn + (1UL << order);

    if (order <= low->order || order > BUDDY_MAX_ORDER || low->pfn % (1UL << order) || end > model.end)
        return -EINVAL;
    for (pfn_t pfn = low->pfn; pfn < end;) {
        const struct model_frame *frame = model_frame(pfn);
        if (frame->state != FRAME_FOLIO || frame->hole >= 0 || frame->poisoned)
            return -EBUSY;
        const struct model_folio *f = &model.folio[frame->folio];
        if (f->pfn != pfn)
            return -EBUSY;
        int err = unsplittable(f);
        if (err)
            return err;
        pfn += 1UL << f->order;
    }
    return 0;
}

int model_punch_error(unsigned folio, size_t first, size_t nr)
{
    const struct model_folio *f = &model.folio[folio];

    if (nr == 0 || first >= 1UL << f->order || nr > (1UL << f->order) - first)
        return -EINVAL;
    for (size_t i = 0; i < nr; i++) {
        const struct model_frame *frame = model_frame(f->pfn + first + i);
        if (frame->poisoned)
            return -EHWPOISON;
        if (frame->hole >= 0)
            return -EBUSY;
    }
    return 0;
}

int model_mend_error(unsigned hole) { return model.hole[hole].refs == 1 ? 0 : -EBUSY; }

/* --- changes ----------------------------------------------------------------------------------- */
void model_alloc(unsigned folio, struct folio *real, pfn_t pfn, unsigned order)
{
    model.folio[folio] = (struct model_folio){.real = real, .pfn = pfn, .order = order, .refs = 1};
    for (u64 i = 0; i < 1UL << order; i++)
        *model_frame(pfn + i) =
            (struct model_frame){.state = FRAME_FOLIO, .folio = folio, .hole = -1, .stamp = ++model.next_stamp};
}

static void free_frames(struct model_folio *f)
{
    for (u64 i = 0; i < 1UL << f->order; i++) {
        struct model_frame *frame = model_frame(f->pfn + i);
        frame->state = frame->poisoned ? FRAME_LOST : FRAME_FREE;
    }
    f->real = NULL;
}

void model_put(unsigned folio)
{
    struct model_folio *f = &model.folio[folio];

    if (--f->refs == 0 && f->nr_holes == 0)
        free_frames(f);
}

void model_punch(unsigned folio, unsigned hole, struct insecure_mem *real, size_t first, size_t nr)
{
    struct model_folio *f = &model.folio[folio];

    model.hole[hole] =
        (struct model_hole){.real = real, .folio = folio, .first = f->pfn + first, .nr = (unsigned)nr, .refs = 1};
    f->nr_holes++;
    for (size_t i = 0; i < nr; i++)
        model_frame(f->pfn + first + i)->hole = (int)hole;
}

void model_close(unsigned hole)
{
    struct model_hole *h = &model.hole[hole];
    struct model_folio *f = &model.folio[h->folio];

    for (unsigned i = 0; i < h->nr; i++)
        model_frame(h->first + i)->hole = -1;
    h->real = NULL;
    if (--f->nr_holes == 0 && f->refs == 0)
        free_frames(f);
}

void model_poison(pfn_t pfn)
{
    struct model_frame *frame = model_frame(pfn);

    frame->poisoned = true;
    if (frame->state == FRAME_FOLIO)
        model.folio[frame->folio].poisoned = true;
    else
        frame->state = FRAME_LOST;
}

void model_become(unsigned folio, struct folio *real, pfn_t pfn, unsigned order)
{
    model.folio[folio] = (struct model_folio){.real = real, .pfn = pfn, .order = order, .refs = 1};
    for (u64 i = 0; i < 1UL << order; i++)
        model_frame(pfn + i)->folio = folio;
}
