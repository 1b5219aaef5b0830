/* SPDX-License-Identifier: MIT */
/*
 * The model's books, and comparing: see model.h. The results of the host's calls are in host.c, those of the guest's
 * calls in guest.c.
 */
#include "model.h"
#include "../play/check.h"
#include "../../../uv/core/uv.h"
#include <quire/errno.h>
#include <string.h>

struct model model;
static const u8 no_bytes[PAGE_SIZE];

struct model_frame *page_at(unsigned guest, u64 page)
{
    const struct played_guest *g = played_guest(guest);
    pfn_t pfn = page < g->nr_pages ? g->frame[page] : PFN_NONE;
    struct model_frame *f = pfn == PFN_NONE ? NULL : frame_at(pfn);

    return f && f->guest == guest && f->page == page && f->state != UV_OWN ? f : NULL;
}

u64 count_of(unsigned guest, enum uv_state state)
{
    u64 n = 0;

    for (pfn_t pfn = FIRST_FRAME; pfn < machine_end(); pfn++)
        n += frame_at(pfn)->state == state && frame_at(pfn)->guest == guest;
    return n;
}

static bool secret(enum uv_state state) { return state == UV_SECURE || state == UV_SHARING; }

void model_become(pfn_t pfn, enum uv_state state, unsigned guest, u64 page, bool zeros)
{
    struct model_frame *f = frame_at(pfn);
    bool changes_sides = secret(f->state) != secret(state) || (state == UV_NONSECURE && f->state != UV_NONSECURE);

    CHECK(!changes_sides || played.flushed[pfn - FIRST_FRAME], "nothing of a frame that changes sides stays in a cache",
          "frame 0x%lx went from %s to %s", pfn, uv_state_name(f->state), uv_state_name(state));
    bool zeroed = state == UV_NONSECURE || state == UV_OWN || zeros;
    CHECK(!zeroed || !memcmp(machine_frame(pfn), no_bytes, PAGE_SIZE),
          "what was in a frame isn't told to its next owner", "frame 0x%lx, now %s, isn't zeroed", pfn,
          uv_state_name(state));
    *f = (struct model_frame){state, guest, page, zeroed ? 0 : f->stamp};
}

/* --- comparing -------------------------------------------------------------------------------- */
static void look_at_frame(pfn_t pfn, u64 count[UV_MAX_GUESTS + 1][UV_NR_STATES])
{
    const struct model_frame *f = frame_at(pfn);
    u64 word = (u64)uv_host_call(UV_QUERY, pfn, 0, 0, 0, 0), stamp;

    if (word != ((u64)f->state | (u64)f->guest << 4 | f->page << 24))
        fail("only a call that says so changes whose a frame is",
             "frame 0x%lx is %s, guest %u, page %lu; expected %s, guest %u, page %lu", pfn,
             uv_state_name(uv_state_of(word)), uv_guest_of(word), uv_page_of(word), uv_state_name(f->state), f->guest,
             f->page);
    CHECK(played.hidden[pfn - FIRST_FRAME] == secret(f->state), "a frame is hidden exactly while a guest alone has it",
          "frame 0x%lx is %s", pfn, uv_state_name(f->state));
    memcpy(&stamp, machine_frame(pfn), sizeof(stamp));
    CHECK(f->state == UV_OWN || stamp == f->stamp, "contents stay as they are, or become zeros",
          "frame 0x%lx: 0x%lx, expected 0x%lx", pfn, stamp, f->stamp);
    CHECK(f->state == UV_NONSECURE || f->state == UV_OWN || played_guest(f->guest)->frame[f->page] == pfn,
          "a guest's frame is where its tables show it", "frame 0x%lx, guest %u, page %lu", pfn, f->guest, f->page);
    count[f->guest][f->state]++;
}

static void look_at_guest(unsigned id, const u64 count[UV_NR_STATES])
{
    const struct model_guest *g = &model.guests[id];
    const struct played_guest *p = played_guest(id);

    for (unsigned state = 0; g->life != NOBODY && state < UV_NR_STATES; state++)
        CHECK_EQ(uv_host_call(UV_COUNT, id, state, 0, 0, 0), count[state], "UV_COUNT",
                 "every change of a frame is counted");
    for (u64 field = 0; (g->life == READY || g->life == ASKING || g->life == STOPPED) && field <= UV_EXIT_FIELDS;
         field++)
        CHECK_EQ(uv_host_call(UV_EXIT, id, field, 0, 0, 0), expect_exit(id, field), "UV_EXIT",
                 "why it left last, and nothing of the time before");
    CHECK(p->inside == (g->life == RUNNING) && (!p->inside || p->place == g->place),
          "a guest is inside exactly while it runs", "guest %u", id);
    for (u64 page = 0; g->life != NOBODY && g->life != DEAD && page < p->nr_pages; page++)
        CHECK(p->frame[page] == PFN_NONE || page_at(id, page), "a guest's tables show its own frames alone",
              "guest %u, page %lu", id, page);
}

void look(void)
{
    static u64 count[UV_MAX_GUESTS + 1][UV_NR_STATES];

    memset(count, 0, sizeof(count));
    for (pfn_t pfn = FIRST_FRAME; pfn < machine_end(); pfn++)
        look_at_frame(pfn, count);
    for (unsigned id = 1; id <= UV_MAX_GUESTS; id++)
        look_at_guest(id, count[id]);
    CHECK_EQ(played.held, 0, "lock that is held, + 1", "a lock that is taken is let go");
}

void scribble(pfn_t pfn, u64 value)
{
    memset(machine_frame(pfn), 'a' + (int)(value % 26), PAGE_SIZE);
    memcpy(machine_frame(pfn), &value, sizeof(value));
    frame_at(pfn)->stamp = value;
}

/* --- making and ending ------------------------------------------------------------------------ */
void model_begin(u64 nr_frames)
{
    u64 table = DIV_ROUND_UP(nr_frames * 16, PAGE_SIZE);

    memset(&uv, 0, sizeof(uv));
    memset(&model, 0, sizeof(model));
    machine_begin(nr_frames);
    CHECK_EQ(uv_host_call(UV_INIT, FIRST_FRAME, table, 0, 0, 0), 0, "UV_INIT",
             "a frame table of shown frames, large enough");
    for (pfn_t pfn = FIRST_FRAME; pfn < machine_end(); pfn++)
        if (pfn < FIRST_FRAME + table || machine_reserved(pfn))
            frame_at(pfn)->state = UV_OWN;
}

static bool can_be_given(pfn_t pfn)
{
    return is_frame(pfn) && frame_at(pfn)->state == UV_NONSECURE && !machine_fixed(pfn) &&
           !played.lent[pfn - FIRST_FRAME];
}

pfn_t host_frames(pfn_t from, u64 n)
{
    u64 row = 0;

    for (u64 i = 0; i < 2 * played.nr; i++) {
        pfn_t pfn = FIRST_FRAME + (from - FIRST_FRAME + i) % played.nr;
        row = pfn == FIRST_FRAME || !can_be_given(pfn) ? can_be_given(pfn) : row + 1;
        if (row == n)
            return pfn - n + 1;
    }
    return PFN_NONE;
}

unsigned make_guest(u64 pages)
{
    unsigned id = (unsigned)host(UV_CREATE, pages, 0, 0, 0);

    for (s64 n = host(UV_NEEDED, id, 0, 0, 0); n > 0; n--)
        CHECK_EQ(host(UV_DONATE, id, host_frames(FIRST_FRAME, 1), 0, 0), 0, "UV_DONATE", "the stage is set");
    return id;
}

void fill_guest(unsigned guest)
{
    u64 pages = model.guests[guest].pages;
    pfn_t pfn = host_frames(FIRST_FRAME, pages);

    CHECK_EQ(host(UV_LOAD, guest, 0, pfn, 1), -EINVAL, "UV_LOAD", "a page without rights is no page"); /* access 0 */
    scribble(pfn, 7);
    CHECK_EQ(load(guest, 0, pfn, 1, UV_READ | UV_EXEC), 1, "UV_LOAD", "the stage is set");
    for (u64 page = 1, nr; page < pages; page += nr) {
        nr = MIN(pages - page, (u64)UV_BATCH);
        CHECK_EQ(host(UV_IMPORT, guest, page, pfn + page, nr), (s64)nr, "UV_IMPORT", "the stage is set");
    }
    CHECK_EQ(host(UV_SEAL, guest, 64, 0, 0), 0, "UV_SEAL", "the stage is set");
}

static void end_guest(unsigned id)
{
    while (model.guests[id].life == RUNNING) {
        played.place = model.guests[id].place;
        guest_ends(id);
    }
    while (model.guests[id].life != NOBODY && host(UV_DESTROY, id, 0, 0, 0) > 0)
        ;
    while (model.guests[id].life != NOBODY)
        host(UV_RECLAIM, id, 0, 0, 0);
}

void end_all(void)
{
    for (unsigned id = 1; id <= UV_MAX_GUESTS; id++)
        end_guest(id);
    look();
    for (pfn_t pfn = FIRST_FRAME; pfn < machine_end(); pfn++)
        CHECK(frame_at(pfn)->state == UV_NONSECURE || (frame_at(pfn)->state == UV_OWN && !frame_at(pfn)->guest),
              "a guest gives everything back", "frame 0x%lx is %s", pfn, uv_state_name(frame_at(pfn)->state));
}
