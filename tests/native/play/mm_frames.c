/* SPDX-License-Identifier: MIT */
/* Game "mm": what happens to memory while programs use it: broken frames, holes, objects that get folios. */
#include "mm.h"
#include <quire/poison.h>

/* --- poison ------------------------------------------------------------------------------------ */
bool move_poison_page(unsigned space, unsigned page)
{
    pfn_t pfn = frame_at(space, page);
    int err;

    if (pfn == PFN_NONE)
        return false;
    int expected = memdesc_type(memdesc_read(pfn)) == MEMDESC_HWPOISON ? -EHWPOISON : 0;
    find_mappings(pfn, 1);
    RETRY(err = memory_failure(pfn), err == -ENOMEM);
    tell("memory_failure(the frame of page %u in space %u) = %s", page, space, error_name(err));
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, expected, "memory_failure() of a mapped frame", "0, and -EHWPOISON the second time");
    if (!err) {
        forget_found(true);
        lost_frames++;
    }
    return true;
}

/* A page of an object, mapped or not; the object may not have it yet. */
bool move_poison_object(unsigned object, u64 index)
{
    if (index >= objects[object].nr_pages)
        return false;
    struct folio *f;
    RETRY(f = memobj_folio(game_objects[object], index), !f);
    if (!f) {
        CHECK(memory_is_short(), "memobj_folio() fails only without memory", "there is memory");
        return true;
    }
    pfn_t pfn = f->pfn + (index - f->index);
    held_folio = f;
    int err, expected = objects[object].broken[index] ? -EHWPOISON : 0;
    RETRY(err = memory_failure(pfn), err == -ENOMEM);
    tell("memory_failure(the frame of page %lu of object %u) = %s", index, object, error_name(err));
    held_folio = NULL;
    folio_put(f);
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, expected, "memory_failure() of an object's frame", "0, and -EHWPOISON the second time");
    if (!err) {
        objects[object].broken[index] = true;
        lost_frames++;
    }
    return true;
}

/* --- holes ------------------------------------------------------------------------------------- */
static int hole_room(void)
{
    for (int i = 0; i < GAME_HOLES; i++)
        if (!game_holes[i].real)
            return i;
    return -1;
}

/* The error that a punch there must return, or 0. */
static int expect_punch(const struct folio *f, size_t first, unsigned nr)
{
    if (nr > folio_nr_pages(f) - first)
        return -EINVAL;
    for (unsigned i = 0; i < nr; i++) {
        enum memdesc_type type = memdesc_type(memdesc_read(f->pfn + first + i));
        if (type != MEMDESC_FOLIO)
            return type == MEMDESC_HWPOISON ? -EHWPOISON : -EBUSY;
    }
    return 0;
}

/* In the model: an object's pages aren't accessible for now. Private pages get marks where they are mapped. */
static void hole_in_model(unsigned which, const struct folio *f, size_t first, unsigned nr)
{
    struct game_hole *h = &game_holes[which];

    h->object = -1;
    for (unsigned o = 0; o < GAME_OBJECTS; o++)
        if (f->owner == game_objects[o])
            h->object = (int)o;
    h->index = f->index + first;
    h->nr = nr;
    for (unsigned i = 0; h->object >= 0 && i < nr; i++)
        objects[h->object].hole[h->index + i] = (int)which;
}

bool move_punch_page(unsigned space, unsigned page, unsigned nr)
{
    pfn_t pfn = frame_at(space, page);
    int at = hole_room(), err;
    struct folio *f = pfn == PFN_NONE || at < 0 ? NULL : pfn_folio_get(pfn);

    if (!f)
        return false;
    bool internal = f->owner && f->owner->kind == MEMOBJ_BACKED && f->owner != game_objects[0] &&
                    f->owner != game_objects[1] && f->owner != game_objects[2];
    if (internal) { /* the model can't name such an object's pages */
        folio_put(f);
        return false;
    }
    size_t first = pfn - f->pfn;
    int expected = expect_punch(f, first, nr);
    if (!expected)
        find_mappings(pfn, nr); /* before the call, because the tables don't show it afterwards */
    struct insecure_mem *h;
    held_folio = f;
    RETRY(err = folio_punch_hole(f, first, nr, HOLE_RESERVED, &h), err == -ENOMEM);
    tell("folio_punch_hole(the folio of page %u in space %u, frames %zu + %u) = %s", page, space, first, nr, error_name(err));
    if (!FAIR_NOMEM(err)) {
        CHECK_EQ(err, expected, "folio_punch_hole()", "-EINVAL outside the folio, -EBUSY over a hole, -EHWPOISON over poison");
        if (!err) {
            mark_found((unsigned)at);
            game_holes[at].real = h;
            hole_in_model((unsigned)at, f, first, nr);
        }
    }
    held_folio = NULL;
    folio_put(f);
    return true;
}

static unsigned pages_showing(unsigned which)
{
    unsigned nr = 0;

    for (unsigned s = 0; s < SPACES; s++)
        for (unsigned p = 0; spaces[s].used && p < WINDOW_PAGES; p++)
            nr += spaces[s].page[p].mapped && spaces[s].page[p].hole == (int)which && !spaces[s].page[p].hole_gone &&
                  !spaces[s].page[p].broken;
    return nr;
}

static void closed_in_model(unsigned which)
{
    struct game_hole *h = &game_holes[which];

    for (unsigned i = 0; h->object >= 0 && i < h->nr; i++)
        objects[h->object].hole[h->index + i] = -1;
    for (unsigned s = 0; s < SPACES; s++)
        for (unsigned p = 0; p < WINDOW_PAGES; p++)
            if (spaces[s].page[p].marked == (int)which + 1)
                spaces[s].page[p].marked = 0;
    h->real = NULL;
}

bool move_mend(unsigned which)
{
    struct game_hole *h = &game_holes[which % GAME_HOLES];

    if (!h->real)
        return false;
    int expected = pages_showing(which % GAME_HOLES) ? -EBUSY : 0, err = folio_mend_hole(h->real);
    tell("folio_mend_hole(hole %u) = %s", which % GAME_HOLES, error_name(err));
    CHECK_EQ(err, expected, "folio_mend_hole()", "-EBUSY exactly while somebody has a page of it mapped");
    if (!err)
        closed_in_model(which % GAME_HOLES);
    return true;
}

void mend_all(void)
{
    for (unsigned i = 0; i < GAME_HOLES; i++)
        if (game_holes[i].real)
            move_mend(i);
}

/* Only holes in objects, as a guest shares them with a host process. */
bool move_map_hole(unsigned space, unsigned which, unsigned page, unsigned how)
{
    struct game_hole *h = &game_holes[which % GAME_HOLES];
    vaddr_t addr = page_addr(page);
    unsigned prot = how & 1 ? PROT_READ : PROT_READ | PROT_WRITE;

    if (!h->real || h->object < 0 || page + h->nr > WINDOW_PAGES || pages_showing(which % GAME_HOLES))
        return false;
    int err;
    move_unmap(space, page, h->nr);
    if (!model_empty(&spaces[space], page, h->nr))
        return true; /* there was no memory for the mapping */
    RETRY((addr = page_addr(page), err = mm_map_hole(mms[space], &addr, h->real, prot)), err == -ENOMEM);
    tell("space %u: mm_map_hole(page %u, hole %u of %u frames) = %s", space, page, which % GAME_HOLES, h->nr, error_name(err));
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, 0, "mm_map_hole()", "there is room");
    CHECK_EQ(addr, page_addr(page), "address that mm_map_hole() chose", "a free hint is taken");
    model_map(&spaces[space], page, h->nr, prot, true, h->object, h->index);
    for (unsigned i = 0; i < h->nr; i++) {
        spaces[space].page[page + i].hole = (int)(which % GAME_HOLES);
        spaces[space].page[page + i].broken = objects[h->object].broken[h->index + i];
    }
    return true;
}

/* --- objects ----------------------------------------------------------------------------------- */
bool move_add_folio(unsigned object, u64 index, unsigned order)
{
    struct model_object *o = &objects[object];
    struct folio *f = folio_alloc(order, FOLIO_ZERO);
    bool fits = index + (1UL << order) <= o->nr_pages, taken = false;
    int err;

    if (!f)
        return false;
    for (u64 i = 0; fits && i < 1UL << order; i++)
        taken |= radix_get(&game_objects[object]->folios, index + i) != NULL;
    RETRY(err = memobj_add_folio(game_objects[object], index, f), err == -ENOMEM);
    tell("memobj_add_folio(object %u, page %lu, order %u) = %s", object, index, order, error_name(err));
    if (err)
        folio_put(f);
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, !fits ? -EINVAL : taken ? -EEXIST : 0, "memobj_add_folio()", "-EINVAL outside the object, -EEXIST where a page is");
    return true; /* the new folio holds zeros, as a fault would bring */
}
