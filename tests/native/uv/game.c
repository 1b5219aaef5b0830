/* SPDX-License-Identifier: MIT */
/*
 * Game "uv": calls of a host and of its guests in any order, half of them with sensible numbers, the others with any
 * number. After each, every frame and every guest is compared with the model.
 */
#include "model.h"
#include "../play/play.h"
#include <string.h>

static const u64 sizes[] = {48, 96, 160}; /* frames; in the smallest a guest is ready when the game begins */

static const u64 odd[] = {0,           1,    2,         15,        16,       511, 512, 513, FIRST_FRAME - 1,
                          FIRST_FRAME, 4096, 1UL << 40, 1UL << 63, ~0UL - 1, ~0UL};

static void begin(unsigned config)
{
    model_begin(sizes[config]);
    if (config == 0)
        fill_guest(make_guest(16));
}

/* --- numbers that a move means ---------------------------------------------------------------- */
static u64 any_number(u8 a) { return a < 128 ? odd[a % ARRAY_SIZE(odd)] : a - 128UL; }
static unsigned any_guest(u8 a) { return a % 16 == 15 ? a / 16 : 1 + a % 3; } /* mostly one of three */
static pfn_t any_frame(u8 a) { return FIRST_FRAME - 1 + a % (played.nr + 2); }
static bool lives(unsigned id) { return id >= 1 && id <= UV_MAX_GUESTS && model.guests[id].life != NOBODY; }

/* The guest's first page from a on that is in this state; its first page if there is none. */
static u64 page_in(unsigned id, enum uv_state state, u8 a)
{
    for (u64 i = 0; lives(id) && i < model.guests[id].pages; i++) {
        const struct model_frame *f = page_at(id, (a + i) % model.guests[id].pages);
        if (f && f->state == state)
            return f->page;
    }
    return 0;
}

static pfn_t frame_in(unsigned id, enum uv_state state, u8 a)
{
    u64 page = page_in(id, state, a);

    return lives(id) && page_at(id, page) ? played_guest(id)->frame[page] : any_frame(a);
}

static u64 free_page(unsigned id, u8 a)
{
    for (u64 i = 0; lives(id) && i < model.guests[id].pages; i++)
        if (played_guest(id)->frame[(a + i) % model.guests[id].pages] == PFN_NONE)
            return (a + i) % model.guests[id].pages;
    return a;
}

/* --- moves: true if something changed --------------------------------------------------------- */
static void secure(unsigned id, struct move m)
{
    u64 nr = 1 + m.c % 4, page = m.c & 128 ? any_number(m.b) : free_page(id, m.b);
    pfn_t pfn = host_frames(FIRST_FRAME + m.b % played.nr, nr);

    if (pfn == PFN_NONE || m.c % 64 >= 60)
        pfn = any_frame(m.b);
    if (m.kind % 2)
        load(id, page, pfn, nr, m.c & 16 ? UV_READ | UV_EXEC : m.c & 32 ? UV_READ | UV_WRITE : m.b);
    else
        host(UV_IMPORT, id, page, pfn, nr);
}

/* Load all missing pages, and seal the guest. */
static void complete(unsigned id, struct move m)
{
    if (!lives(id) || model.guests[id].life != LOADING)
        return;
    if (host_frames(FIRST_FRAME, 1) != PFN_NONE)
        host(UV_DONATE, id, host_frames(FIRST_FRAME + m.b % played.nr, 1), 0, 0);
    for (u64 page = 0; page < model.guests[id].pages; page++) {
        pfn_t pfn = host_frames(FIRST_FRAME + m.b % played.nr, 1);
        if (pfn == PFN_NONE || played_guest(id)->frame[page] != PFN_NONE)
            continue;
        scribble(pfn, m.c);
        if (page % 5 == 0)
            load(id, page, pfn, 1, UV_READ | UV_EXEC);
        else
            host(UV_IMPORT, id, page, pfn, 1);
    }
    host(UV_SEAL, id, m.c & 1 ? 5 * PAGE_SIZE : (u64)m.c, 0, 0);
}

/* The host answers the request, or about other frames. */
static void answer(unsigned id, struct move m)
{
    static const enum uv_call calls[] = {UV_EXPOSE, UV_REFUSE, UV_IMPORT};
    enum uv_call call = calls[m.b % 3];
    enum uv_state state = call == UV_EXPOSE               ? UV_SHARING
                          : call == UV_IMPORT || m.c & 64 ? UV_UNSHARING
                          : m.c & 32                      ? UV_SHARED
                                                          : UV_SHARING;
    u64 page = page_in(id, state, m.c), nr = 1 + m.c / 8 % 4;
    pfn_t pfn = m.c & 128 ? any_frame(m.c) : frame_in(id, state, m.c);

    if (lives(id) && model.guests[id].life == ASKING && m.b & 128) { /* about the whole request */
        page = model.guests[id].ask_page;
        nr = model.guests[id].ask_nr;
        pfn = played_guest(id)->frame[page];
    }
    if (call == UV_IMPORT)
        host(UV_IMPORT, id, page, pfn, nr);
    else
        host(call, id, pfn, nr, 0);
}

/* The guest that runs at this place, or any other, does something. */
static void trap(struct move m)
{
    unsigned id = any_guest(m.b);

    for (unsigned i = 1; m.a % 8 && i <= UV_MAX_GUESTS; i++)
        if (model.guests[i].life == RUNNING && model.guests[i].place == played.place)
            id = i;
    u64 addr = m.c & 1 ? any_number(m.b) : ((u64)m.b % 20 << PAGE_SHIFT) + (m.c & 2 ? PAGE_SIZE - m.c / 4 : m.c);
    switch (m.a / 8 % 8) {
    case 0:
        guest_calls(id, UVG_SHARE, m.c & 128 ? any_number(m.b) : page_in(id, UV_SECURE, m.b),
                    m.c & 64 ? any_number(m.c) : 1UL + m.c % 3);
        break;
    case 1:
        guest_calls(id, UVG_UNSHARE, m.c & 128 ? any_number(m.b) : page_in(id, UV_SHARED, m.b),
                    m.c & 64 ? any_number(m.c) : 1UL + m.c % 3);
        break;
    case 2:
        guest_calls(id, UVG_CONSOLE, addr, m.c & 128 ? any_number(m.c) : (u64)m.c);
        break;
    case 3:
        guest_calls(id, UVG_MEASUREMENT, addr, 0);
        break;
    case 4:
        guest_calls(id, m.c % 32 ? UVG_YIELD : UVG_EXIT, any_number(m.b), 0);
        break;
    case 5:
        guest_calls(id, m.c & 1 ? any_number(m.c) : (u64)UVG_PAGES, addr, m.b);
        break;
    case 6:
        guest_calls(id, UVG_UNSHARE_ALL, 0, 0);
        break;
    default:
        if (m.c & 64)
            guest_faults(id, addr, 1u << m.c % 3);
        else if (m.c & 32)
            guest_raises(id, m.c % 4, m.b);
        else if (m.c & 16)
            guest_ends(id);
        else
            guest_calls(id, UVG_YIELD, m.b, 0);
    }
}

/* The guest writes to its memory, or the host to its own. */
static void write_frame(struct move m)
{
    pfn_t pfn = any_frame(m.b);

    if (!is_frame(pfn) || frame_at(pfn)->state == UV_OWN)
        return;
    scribble(pfn, (u64)m.c << 32 | m.b | 1UL << 63);
    model.changes++;
}

static void any_call(struct move m)
{
    u64 call = m.a % (UV_NR_CALLS + 1);

    host5(call == UV_NR_CALLS ? any_number(m.b) | UV_NR_CALLS : call, any_guest(m.a / 8), any_number(m.b),
          any_number(m.c), any_number((u8)(m.b + m.c)), m.c % 9);
}

static bool step(struct move m)
{
    unsigned id = any_guest(m.a);
    u64 before = model.changes;

    switch (m.kind) {
    case 0:
        host(UV_CREATE, m.b & 1 ? any_number(m.c) : 16UL + m.c % 8, 0, 0, 0);
        break;
    case 1:
        host(UV_DONATE, id,
             m.c & 1 || host_frames(FIRST_FRAME, 1) == PFN_NONE ? any_frame(m.b) : host_frames(FIRST_FRAME, 1), 0, 0);
        break;
    case 2:
    case 3:
        secure(id, m);
        break;
    case 4:
        complete(id, m);
        break;
    case 5:
    case 6:
        played.place = m.c % NR_PLACES;
        host(UV_RUN, id, any_number(m.b), 0, 0);
        break;
    case 7:
    case 8:
        answer(id, m);
        break;
    case 9:
        host(m.c % 16 ? UV_DESTROY + m.b % 2 : UV_STOP, id, 0, 0, 0);
        break;
    case 10:
        played.lent[m.b % played.nr] ^= m.c % 4 == 0;
        write_frame(m);
        break;
    case 11:
        any_call(m);
        break;
    default:
        played.place = m.c / 4 % 8 ? played.place : m.c % NR_PLACES;
        trap(m);
    }
    look();
    return model.changes != before;
}

/* The moves for one guest that is ready, and two pages that may be shared. */
static size_t alphabet(unsigned config, struct move *m, size_t max)
{
    static const struct move moves[] = {
        {5, 0, 3, 0},                          /* guest 1 is run */
        {12, 8 * 4 + 1, 0, 4},                 /* yields, or ends */
        {12, 8 * 4 + 1, 0, 96}, {12, 1, 3, 4}, /* shares two pages, 3 and 4 */
        {12, 8 + 1, 3, 4},                     /* takes them back */
        {12, 8 * 6 + 1, 0, 4},                 /* takes all back */
        {7, 0, 129, 0},                        /* the host takes what is asked for: see answer(), 129 % 3 */
        {7, 0, 130, 0},                        /* refuses */
        {7, 0, 131, 0},                        /* gives back */
        {7, 0, 1, 4},                          /* refuses or takes one of the pages */
        {7, 0, 0, 3},           {9, 0, 0, 0},  /* stops, destroys, reclaims */
        {9, 0, 0, 1},           {9, 0, 1, 1},
    };

    (void)config, (void)max;
    memcpy(m, moves, sizeof(moves));
    return ARRAY_SIZE(moves);
}

const struct game uv_game = {
    .name = "uv",
    .file = __FILE__,
    .configs = ARRAY_SIZE(sizes),
    .kinds = 16,
    .begin = begin,
    .step = step,
    .check = look,
    .end = end_all,
    .alphabet = alphabet,
    .exhaustive_depth = 8,
    .random_sequences = 1200,
    .random_moves = 240,
};
