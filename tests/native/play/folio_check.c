/* SPDX-License-Identifier: MIT */
/* Game "folio": comparing every word, every descriptor and the contents with the model. */
#include "folio.h"
#include <quire/poison.h>

static void check_word(pfn_t pfn, const struct model_frame *frame)
{
    memdesc_t word = memdesc_read(pfn), under = 0;
    enum memdesc_type type = memdesc_type(word);

    if (frame->state == FRAME_FOLIO)
        under = frame->hole >= 0 ? memdesc_make(MEMDESC_HOLE, model.hole[frame->hole].real)
                                 : folio_word(model.folio[frame->folio].real);
    if (frame->poisoned) {
        CHECK_EQ(type, MEMDESC_HWPOISON, "type of a poisoned frame's word", "a frame that was poisoned stays poisoned for ever");
        const struct hwpoison *p = memdesc_pointer(word);
        CHECK_EQ(p->saved, under, "word saved in the poison record",
                 "the record remembers folio or hole while that lives, and nothing afterwards");
        CHECK_EQ(p->pfn, pfn, "frame number in the poison record", "one record, one frame");
    } else if (frame->state == FRAME_FREE) {
        CHECK(type == MEMDESC_BUDDY || type == MEMDESC_SLAB, "a frame that nobody holds is the buddy's (or a slab's)",
              "frame 0x%lx is free in the model, its word is 0x%lx (%s)", pfn, word, memdesc_type_name(type));
    } else {
        CHECK(word == under, "every frame's word points to the hole it is in, else to its folio",
              "frame 0x%lx: word 0x%lx (%s), expected 0x%lx", pfn, word, memdesc_type_name(type), under);
    }
}

static void check_contents(pfn_t pfn, const struct model_frame *frame)
{
    const u64 *words = pfn_address(pfn);

    CHECK(words[0] == frame->stamp && words[511] == frame->stamp, "nobody but its owner writes to a folio's frames",
          "frame 0x%lx holds %lx and %lx, expected %lx", pfn, (unsigned long)words[0], (unsigned long)words[511],
          (unsigned long)frame->stamp);
}

static void check_folio(const struct model_folio *m)
{
    const struct folio *f = m->real;

    CHECK_EQ(folio_pfn(f), m->pfn, "folio's first frame", "a folio's frames stay the same until it is split or joined");
    CHECK_EQ(folio_order(f), m->order, "folio's order", "only split and join change it: holes and poison keep it");
    CHECK_EQ(folio_ref_count(f), m->refs, "folio's reference count", "a hole holds no reference to its folio");
    CHECK_EQ(f->nr_holes, m->nr_holes, "folio's number of holes", "punch and mend count");
    CHECK_EQ(folio_has_hole(f), m->nr_holes > 0, "folio_has_hole()", "set by the first punch, cleared by the last mend");
    CHECK_EQ(folio_has_poison(f), m->poisoned, "folio_has_poison()", "set by memory_failure(), for the folio's life");
    CHECK_EQ(f->lock.locked, 0, "folio's lock", "no lock is left behind");
}

void folio_game_check(void)
{
    for (pfn_t pfn = model.first; pfn < model.end; pfn++) {
        const struct model_frame *frame = model_frame(pfn);
        check_word(pfn, frame);
        if (frame->state == FRAME_FOLIO && !frame->poisoned)
            check_contents(pfn, frame);
    }
    for (unsigned i = 0; i < MODEL_FOLIOS; i++)
        if (model.folio[i].real)
            check_folio(&model.folio[i]);
    for (unsigned i = 0; i < MODEL_HOLES; i++)
        if (model.hole[i].real)
            CHECK_EQ(hole_ref_count(model.hole[i].real), model.hole[i].refs, "hole's reference count",
                     "references to frames in a hole are the hole's");
    struct world_use use = world_use();
    CHECK_EQ(use.frames, model_frames_used(), "frames in use", "frames come and go with folios; poisoned ones only go");
    CHECK_EQ(use.objects, model_objects(), "objects in use", "one descriptor for each folio, hole and poisoned frame");
    check_no_locks("the move");
}
