/* SPDX-License-Identifier: MIT */
/*
 * Tests that aren't games: every call of the host and of a guest, in every state of a guest, with every number of a
 * list; what UV_INIT takes; and calls of as many frames as a call may have. The model computes the right result of
 * each, and host() compares.
 */
#include "tests.h"
#include "model.h"
#include "../play/check.h"
#include "../../../uv/core/uv.h"
#include <quire/errno.h>
#include <string.h>

#define FRAMES   128
#define PAGES    16UL
#define ASKED    7UL /* the page that the guest asks about ... */
#define NR_ASKED 2UL

enum where {
    NO_GUEST,
    AT_LOADING,
    AT_READY,
    SHARE_ASKED,
    HALF_TAKEN,
    SHARE_TAKEN,
    SHARE_REFUSED,
    IN_USE,
    UNSHARE_ASKED,
    HALF_BACK,
    AT_RUNNING,
    AT_STOPPED,
    AT_DEAD,
    NR_WHERE
};

static const unsigned id = 1, other = 2;

static pfn_t at(unsigned guest, u64 page) { return played_guest(guest)->frame[page]; }

static void run_and(unsigned guest, u64 nr, u64 a0, u64 a1)
{
    CHECK_EQ(host(UV_RUN, guest, 0, 0, 0), 0, "UV_RUN", "the stage is set");
    CHECK(guest_calls(guest, nr, a0, a1), "the guest leaves", "it went on");
}

/* Bring guest 1 to this state, and make guest 2 with a page that it shares. */
static void bring(enum where where)
{
    model_begin(FRAMES);
    if (where == NO_GUEST)
        return;
    make_guest(PAGES);
    fill_guest(make_guest(PAGES));
    run_and(other, UVG_SHARE, ASKED, 1);
    host(UV_EXPOSE, other, at(other, ASKED), 1, 0);
    if (where == AT_LOADING) {
        load(id, 0, host_frames(FIRST_FRAME, 1), 1, UV_READ | UV_EXEC);
        host(UV_IMPORT, id, 3, host_frames(FIRST_FRAME, 2), 2);
        return;
    }
    fill_guest(id);
    if (where >= SHARE_ASKED && where <= HALF_BACK)
        run_and(id, UVG_SHARE, ASKED, NR_ASKED);
    if (where >= HALF_TAKEN && where <= HALF_BACK)
        host(UV_EXPOSE, id, at(id, ASKED), where == HALF_TAKEN ? 1 : NR_ASKED, 0);
    if (where == SHARE_REFUSED)
        host(UV_REFUSE, id, at(id, ASKED), NR_ASKED, 0);
    if (where == IN_USE)
        run_and(id, UVG_YIELD, 0, 0);
    if (where == UNSHARE_ASKED || where == HALF_BACK)
        run_and(id, UVG_UNSHARE, ASKED, NR_ASKED);
    if (where == HALF_BACK)
        host(UV_IMPORT, id, ASKED, at(id, ASKED), 1);
    if (where == AT_RUNNING)
        host(UV_RUN, id, 0, 0, 0);
    if (where == AT_STOPPED)
        host(UV_STOP, id, 0, 0, 0);
    if (where == AT_DEAD)
        while (host(UV_DESTROY, id, 0, 0, 0) > 0)
            ;
}

/* Good numbers and bad ones, for any argument: pages, frames of all owners, counts, rights, addresses. */
static unsigned numbers(u64 n[32])
{
    const u64 always[] = {0,
                          1,
                          2,
                          3,
                          5,
                          7,
                          8,
                          PAGES - 1,
                          PAGES,
                          17,
                          UV_BATCH,
                          UV_BATCH + 1,
                          FIRST_FRAME - 1,
                          FIRST_FRAME,
                          machine_end() - 1,
                          machine_end(),
                          1UL << 32 | 1,
                          1UL << 63,
                          ~0UL};
    unsigned nr = ARRAY_SIZE(always);

    memcpy(n, always, sizeof(always));
    for (unsigned guest = 1; guest <= 2; guest++)
        if (model.guests[guest].life != NOBODY && at(guest, ASKED) != PFN_NONE)
            n[nr++] = at(guest, ASKED);
    n[nr++] = host_frames(FIRST_FRAME, 4);
    if (played_guest(id)->nr_given)
        n[nr++] = played_guest(id)->given[0];
    n[nr++] = 64; /* an entry point */
    return nr;
}

static u64 power(u64 n, unsigned exponent) { return exponent ? n * power(n, exponent - 1) : 1; }

/*
 * Each number in each argument behind the guest's number. After a call that changed something, the world begins again.
 */
static void every_number(enum where where, u64 call)
{
    static const u8 arguments[UV_NR_CALLS + 1] = {
        [UV_INIT] = 1,    [UV_DONATE] = 1, [UV_LOAD] = 3,        [UV_IMPORT] = 3,  [UV_SEAL] = 1,
        [UV_EXPOSE] = 2,  [UV_REFUSE] = 2, [UV_RUN] = 1,         [UV_EXIT] = 1,    [UV_COUNT] = 1,
        [UV_RECLAIM] = 0, [UV_QUERY] = 0,  [UV_MEASUREMENT] = 1, [UV_NR_CALLS] = 1};
    static const u64 rights[] = {
        UV_READ, UV_READ | UV_WRITE, UV_READ | UV_EXEC, 0, UV_WRITE, UV_READ | UV_WRITE | UV_EXEC, 9, ~0UL};
    u64 n[32], nr = numbers(n);

    for (u64 i = 0; i < power(nr, arguments[call]); i++) {
        u64 before = model.changes;
        host5(call, id, n[i % nr], n[i / nr % nr], n[i / nr / nr % nr], rights[i % ARRAY_SIZE(rights)]);
        if (model.changes != before) {
            look();
            bring(where);
        }
    }
    for (unsigned i = 0; i < nr; i++) { /* as the guest's number, or as another first argument */
        u64 before = model.changes;
        host(call, n[i], ASKED, 1, 1);
        if (model.changes != before)
            bring(where);
    }
    look();
}

void states_every_host_call(void)
{
    for (enum where where = NO_GUEST; where < NR_WHERE; where++) {
        bring(where);
        for (u64 call = 0; call <= UV_NR_CALLS; call++)
            every_number(where, call);
        end_all();
    }
}

/* --- a guest's calls -------------------------------------------------------------------------- */
static void bring_running(void)
{
    bring(IN_USE); /* two pages are shared */
    host(UV_RUN, id, 0, 0, 0);
}

void states_every_guest_call(void)
{
    const u64 end = PAGES << PAGE_SHIFT;
    const u64 n[] = {0,         1,         2,        ASKED - 1,    ASKED,         ASKED + 1,
                     PAGES - 1, PAGES,     UV_BATCH, UV_BATCH + 1, PAGE_SIZE - 8, PAGE_SIZE,
                     end - 127, end - 31,  end - 1,  end,          end + 1,       1UL << 52,
                     1UL << 63, ~0UL - 63, ~0UL};
    u64 before;

    bring_running();
    for (u64 call = 0; call <= UVG_MEASUREMENT + 1; call++)
        for (unsigned i = 0; i < (call <= UVG_CONSOLE ? ARRAY_SIZE(n) : 1) * ARRAY_SIZE(n); i++) {
            before = model.changes;
            guest_calls(id, call, n[i % ARRAY_SIZE(n)], n[i / ARRAY_SIZE(n)]);
            if (model.changes != before) {
                look();
                bring_running();
            }
        }
    for (unsigned i = 0; i < 3 * ARRAY_SIZE(n); i++) {
        before = model.changes;
        guest_faults(id, n[i / 3], 1u << i % 3);
        if (model.changes != before)
            bring_running();
    }
    end_all();
}

/* Numbers of guests and places that don't belong together: nothing happens. */
void states_traps_from_elsewhere(void)
{
    for (enum where where = AT_LOADING; where < NR_WHERE; where++) {
        bring(where);
        played.place = 1; /* a running guest is at place 0 */
        for (unsigned guest = 0; guest <= UV_MAX_GUESTS + 1; guest++) {
            CHECK(guest_calls(guest, UVG_SHARE, ASKED, 1) && guest_faults(guest, 0, UV_READ) &&
                      guest_raises(guest, UV_EXCEPTION_ILLEGAL, 0) && guest_ends(guest),
                  "who doesn't run here isn't gone on with", "guest %u", guest);
            look();
        }
        end_all();
    }
}

/* --- as many frames as a call may have -------------------------------------------------------- */
#define MANY (3 * UV_BATCH / 2)

static void share_all(unsigned guest)
{
    u64 answers = 0;

    for (u64 page = 0, nr; page < MANY; page += nr) {
        nr = MIN(MANY - page, (u64)UV_BATCH);
        run_and(guest, UVG_SHARE, page, nr);
        CHECK_EQ(host(UV_EXPOSE, guest, at(guest, page), nr, 0), (s64)nr, "UV_EXPOSE",
                 "the host takes what is asked for");
    }
    host(UV_RUN, guest, 0, 0, 0);
    while (guest_calls(guest, UVG_UNSHARE_ALL, 0, 0) || played_guest(guest)->result > 0) {
        const struct model_guest *g = &model.guests[guest];
        if (g->life != ASKING)
            continue; /* it looked at UV_BATCH pages and found none: ask again */
        host(UV_IMPORT, guest, g->ask_page, at(guest, g->ask_page), g->ask_nr);
        host(UV_RUN, guest, 0, 0, 0);
        answers++;
    }
    CHECK_EQ(answers, 2, "times that unshare all asks", "UV_BATCH pages at a time");
}

void states_whole_batches(void)
{
    u64 steps = 0;

    model_begin(FRAMES_MAX);
    unsigned guest = make_guest(MANY);
    CHECK_EQ(host(UV_IMPORT, guest, 0, host_frames(FIRST_FRAME, MANY), UV_BATCH + 1), -EINVAL, "UV_IMPORT",
             "UV_BATCH frames at most");
    fill_guest(guest);
    share_all(guest);
    CHECK(!guest_calls(guest, UVG_SHARE, 0, UV_BATCH + 1), "UV_BATCH pages at most", "it left");
    guest_calls(guest, UVG_EXIT, 0, 0);
    while (host(UV_DESTROY, guest, 0, 0, 0) > 0)
        steps++;
    CHECK_EQ(steps, 2, "calls of UV_DESTROY that do something", "UV_BATCH frames each");
    end_all();
}

/* Frames of a guest that aren't consecutive are shared and taken back like others. */
void states_scattered_frames(void)
{
    model_begin(FRAMES);
    unsigned guest = make_guest(PAGES);

    load(guest, 0, host_frames(FIRST_FRAME, 1), 1, UV_READ | UV_EXEC);
    for (u64 page = 1; page < PAGES; page++)
        host(UV_IMPORT, guest, page, host_frames(machine_end() - 3 * page, 1), 1);
    host(UV_SEAL, guest, 0, 0, 0);
    run_and(guest, UVG_SHARE, 2, 5);
    CHECK_EQ(model.guests[guest].ask_nr, 5, "pages that are asked for", "frames may lie anywhere");
    for (u64 page = 2; page < 7; page++)
        CHECK_EQ(host(UV_EXPOSE, guest, at(guest, page), 1, 0), 1, "UV_EXPOSE", "the host takes what is asked for");
    run_and(guest, UVG_UNSHARE, 2, 5);
    for (u64 page = 2; page < 7; page++)
        CHECK_EQ(host(UV_IMPORT, guest, page, at(guest, page), 1), 1, "UV_IMPORT",
                 "the host gives back what is asked for");
    run_and(guest, UVG_YIELD, 0, 0);
    look();
    end_all();
}

/* Another CPU of the host stores into pages that are being loaded: the same contents must be measured, kept and
 * executed. */
void states_a_host_that_stores(void)
{
    u64 stored = 0;

    model_begin(FRAMES);
    unsigned guest = make_guest(PAGES);
    pfn_t pfn = host_frames(FIRST_FRAME, 3);

    for (u64 i = 0; i < 3; i++)
        scribble(pfn + i, 0);
    played.storing = true;
    load(guest, 0, pfn, 3, UV_READ | UV_EXEC);
    played.storing = false;
    for (u64 i = 0; i < 3; i++) {
        u64 kept = 0;
        memcpy(&kept, machine_frame(pfn + i), sizeof(kept));
        CHECK_EQ(played.measured[pfn + i - FIRST_FRAME], kept, "first bytes that were measured",
                 "a page is measured when the host can't store to it any more");
        CHECK_EQ(played.executed[pfn + i - FIRST_FRAME], kept, "first bytes in an instruction cache",
                 "instruction caches are told when the host can't store to a page any more");
        frame_at(pfn + i)->stamp = kept;
        stored += kept;
    }
    CHECK(stored, "the host stores while it can", "no store reached a page");
    end_all();
}

/* --- the beginning ---------------------------------------------------------------------------- */
void states_init(void)
{
    u64 needed = DIV_ROUND_UP(FRAMES_MAX * 16, PAGE_SIZE);
    const u64 bad[][2] = {{FIRST_FRAME, needed - 1},
                          {FIRST_FRAME, 0},
                          {FIRST_FRAME - 1, needed},
                          {FIRST_FRAME + FRAMES_MAX, needed},
                          {FIRST_FRAME + FRAMES_MAX - needed + 1, needed},
                          {FIRST_FRAME, FRAMES_MAX + 1},
                          {FIRST_FRAME, ~0UL},
                          {~0UL, needed},
                          {~0UL - needed + 1, needed},
                          {1UL << 52, needed},
                          {FIRST_FRAME + 3, needed}};

    machine_begin(FRAMES_MAX);
    memset(&uv, 0, sizeof(uv));
    played.hidden[5] = true; /* frame FIRST_FRAME + 5, of the last of them */
    for (u64 call = 0; call <= UV_NR_CALLS; call++)
        for (u64 guest = 0; guest <= UV_MAX_GUESTS + 1; guest++)
            CHECK(uv_host_call(call, guest ? guest : FIRST_FRAME, 1, 1, 1, 1) < 0,
                  "before UV_INIT there is no ultravisor", "call %lu", call);
    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(uv_host_call(UV_INIT, bad[i][0], bad[i][1], 0, 0, 0), -EINVAL, "UV_INIT",
                 "shown frames that the machine has, and enough");
    played.hidden[5] = false;
    CHECK_EQ(uv_host_call(UV_INIT, FIRST_FRAME + 3, needed, 0, 0, 0), 0, "UV_INIT", "the first good one counts");
    CHECK_EQ(uv_host_call(UV_INIT, FIRST_FRAME + 3, needed, 0, 0, 0), -EPERM, "UV_INIT", "once");
    for (pfn_t pfn = FIRST_FRAME; pfn < machine_end(); pfn++)
        CHECK_EQ(
            uv_host_call(UV_QUERY, pfn, 0, 0, 0, 0),
            (pfn >= FIRST_FRAME + 3 && pfn < FIRST_FRAME + 3 + needed) || machine_reserved(pfn) ? UV_OWN : UV_NONSECURE,
            "UV_QUERY", "the table's own frames and what can't be memory are the ultravisor's, all others the host's");
}
