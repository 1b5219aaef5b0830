/* SPDX-License-Identifier: MIT */
/*
 * Game "mm": references to mapped memory that are no mappings, as a device or a message would hold them. A pinned frame
 * keeps its contents: a write through a read-only private entry makes a copy. When no space maps the folio any more,
 * the holder of the last reference can split and join it.
 */
#include "mm.h"

#define PINS 4

static struct folio *pins[PINS]; /* NULL: free */

void pins_begin(void)
{
    for (unsigned i = 0; i < PINS; i++)
        pins[i] = NULL;
}

unsigned pins_of(const struct folio *f)
{
    unsigned nr = 0;

    for (unsigned i = 0; i < PINS; i++)
        nr += pins[i] == f;
    return nr;
}

bool move_pin(unsigned space, unsigned page, unsigned which)
{
    pfn_t pfn = frame_at(space, page);

    if (pins[which % PINS] || pfn == PFN_NONE)
        return false;
    struct folio *f = pfn_folio_get(pfn);
    if (!f)
        return false;
    tell("somebody takes a reference to the folio of page %u in space %u", page, space);
    pins[which % PINS] = f;
    return true;
}

bool move_unpin(unsigned which)
{
    struct folio *f = pins[which % PINS];

    if (!f)
        return false;
    tell("reference %u is put", which % PINS);
    pins[which % PINS] = NULL;
    folio_put(f);
    return true;
}

void unpin_all(void)
{
    for (unsigned i = 0; i < PINS; i++)
        move_unpin(i);
}

static bool is_backed(const struct folio *f) { return f->owner && f->owner->kind == MEMOBJ_BACKED; }

static int expect_split(const struct folio *f, unsigned order)
{
    if (order >= f->order)
        return -EINVAL;
    if (folio_has_hole(f) || folio_has_poison(f))
        return -EBUSY;
    return folio_map_count(f) || folio_ref_count(f) != 1 + is_backed(f) ? -EAGAIN : 0;
}

/* Only this game holds the other parts of private memory; an object keeps its own parts. */
static void put_parts(pfn_t pfn, pfn_t end)
{
    while (pfn < end) {
        struct folio *part = memdesc_pointer(memdesc_read(pfn));
        CHECK(memdesc_type(memdesc_read(pfn)) == MEMDESC_FOLIO && folio_pfn(part) == pfn,
              "after a split each part is a folio that begins where the one before ends", "none begins at 0x%lx", pfn);
        pfn += folio_nr_pages(part);
        if (!is_backed(part))
            folio_put(part);
    }
}

/* Unmap the folio in all programs that map it. */
static void unmap_everywhere(const struct folio *f)
{
    for (unsigned s = 0; s < SPACES; s++)
        for (unsigned p = 0; mms[s] && p < WINDOW_PAGES; p++)
            if (spaces[s].page[p].hole < 0 && frame_at(s, p) - f->pfn < folio_nr_pages(f))
                move_advise(s, p, 1, 0);
}

bool move_split_pinned(unsigned which, unsigned order)
{
    struct folio *f = pins[which % PINS];

    if (!f)
        return false;
    if (order & 1)
        unmap_everywhere(f);
    int expected = expect_split(f, order), err;
    pfn_t end = f->pfn + folio_nr_pages(f);
    RETRY(err = folio_split(f, order), err == -ENOMEM);
    tell("folio_split(the folio of reference %u, to order %u) = %s", which % PINS, order, error_name(err));
    if (FAIR_NOMEM(err))
        return true;
    CHECK_EQ(err, expected, "folio_split()", "-EAGAIN while it is mapped or somebody else holds a reference, -EBUSY with holes or poison");
    if (!err)
        put_parts(f->pfn + folio_nr_pages(f), end);
    return true;
}

/* With any answer, all checks must hold afterwards. */
bool move_join_pinned(unsigned which, unsigned order)
{
    struct folio *f = pins[which % PINS], *joined;

    if (!f)
        return false;
    int err = folio_join(f, order, &joined);
    tell("folio_join(the folio of reference %u, to order %u) = %s", which % PINS, order, error_name(err));
    if (!err) {
        CHECK_EQ(folio_order(joined), order, "order of the joined folio", "it is what was asked for");
        pins[which % PINS] = joined;
    }
    return true;
}

/* The same call that a fault makes, for more pages than the area, the table and the folio have. */
bool move_map_pages(unsigned space, unsigned page, u64 nr)
{
    struct model_page *p = &spaces[space].page[page];

    if (!p->mapped || p->hole >= 0 || p->own || p->broken || p->object < 0 || p->object >= (int)GAME_OBJECTS ||
        !(p->prot & PROT_READ))
        return false;
    struct folio *f;
    RETRY(f = memobj_folio(game_objects[p->object], p->index), !f);
    if (!f)
        return true;
    rwsem_read_lock(&mms[space]->areas_lock);
    struct vma *vma = area_find(mms[space], page_addr(page));
    int done = vma ? map_pages(mms[space], vma, page_addr(page), f, p->index - f->index, nr, p->prot & ~(unsigned)PROT_WRITE) : 0;
    rwsem_read_unlock(&mms[space]->areas_lock);
    tell("map_pages(space %u, page %u, %lu pages of object %d) = %d", space, page, nr, p->object, done);
    folio_put(f);
    return true;
}
