/* SPDX-License-Identifier: MIT */
/*
 * The result that each call of the host must have. expect() computes it and changes nothing; follow() changes the
 * model.
 */
#include "model.h"
#include "../play/check.h"
#include <quire/errno.h>
#include <uapi/quire/abi.h>
#include <string.h>

#define SOME_FRAME 1 /* UV_RECLAIM: one of the guest's donated frames */

static bool frames_ok(pfn_t pfn, u64 nr) { return nr && nr <= UV_BATCH && is_frame(pfn) && nr <= machine_end() - pfn; }

/* --- which calls are allowed, and when -------------------------------------------------------- */
static s64 allowed(u64 call, enum life life)
{
    bool alive = life != RUNNING && life != DEAD, yes = false;

    switch (call) {
    case UV_DONATE:
    case UV_LOAD:
    case UV_SEAL:
        yes = life == LOADING;
        break;
    case UV_IMPORT:
        yes = life == LOADING || life == ASKING;
        break;
    case UV_EXPOSE:
    case UV_REFUSE:
        yes = life == ASKING;
        break;
    case UV_RUN:
        yes = life == READY || life == ASKING;
        break;
    case UV_EXIT:
        yes = alive && life != LOADING;
        break;
    case UV_STOP:
        yes = alive && life != STOPPED;
        break;
    case UV_NEEDED:
    case UV_MEASUREMENT:
        yes = life != DEAD;
        break;
    case UV_COUNT:
        yes = true;
        break;
    case UV_DESTROY:
        yes = life != RUNNING;
        break;
    case UV_RECLAIM:
        yes = life == DEAD;
        break;
    }
    return yes ? 0 : life == RUNNING && call != UV_QUERY ? -EBUSY : -EPERM;
}

/* --- their results ---------------------------------------------------------------------------- */
static s64 expect_create(u64 pages)
{
    if (pages < 16 || pages > played.nr)
        return -EINVAL;
    for (unsigned id = 1; id <= UV_MAX_GUESTS; id++)
        if (model.guests[id].life == NOBODY)
            return id;
    return -EBUSY;
}

static s64 expect_donate(unsigned id, pfn_t pfn)
{
    if (!is_frame(pfn))
        return -EINVAL;
    if (count_of(id, UV_OWN) == UV_MAX_DONATED)
        return -EBUSY;
    return frame_at(pfn)->state == UV_NONSECURE && !played.lent[pfn - FIRST_FRAME] ? 0 : -EPERM;
}

/* Frames of the host become pages that the guest doesn't have yet. */
static s64 expect_fresh(unsigned id, u64 page, pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr; i++)
        if (frame_at(pfn + i)->state != UV_NONSECURE || played.lent[pfn + i - FIRST_FRAME] || machine_fixed(pfn + i) ||
            played_guest(id)->frame[page + i] != PFN_NONE)
            return -EPERM;
    return machine_can_prepare(id, page, nr) ? (s64)nr : -ENOMEM;
}

static s64 expect_secure(u64 call, unsigned id, u64 page, pfn_t pfn, u64 nr, u64 access)
{
    const struct model_guest *g = &model.guests[id];

    if (!frames_ok(pfn, nr) || page > g->pages || nr > g->pages - page)
        return -EINVAL;
    if (call == UV_LOAD && access != UV_READ && access != (UV_READ | UV_WRITE) && access != (UV_READ | UV_EXEC))
        return -EINVAL;
    if (g->life == LOADING)
        return expect_fresh(id, page, pfn, nr);
    for (u64 i = 0; i < nr; i++)
        if (page_at(id, page + i) != frame_at(pfn + i) || frame_at(pfn + i)->state != UV_UNSHARING ||
            played.lent[pfn + i - FIRST_FRAME])
            return -EPERM;
    return (s64)nr;
}

static s64 expect_answer(u64 call, unsigned id, pfn_t pfn, u64 nr)
{
    const struct model_guest *g = &model.guests[id];

    if (!frames_ok(pfn, nr))
        return -EINVAL;
    enum uv_state from = frame_at(pfn)->state;
    if (call == UV_EXPOSE ? from != UV_SHARING : from != UV_SHARING && from != UV_SHARED && from != UV_UNSHARING)
        return -EPERM;
    for (u64 i = 0; i < nr; i++) {
        const struct model_frame *f = frame_at(pfn + i);
        bool asked = f->guest == id && f->page == frame_at(pfn)->page + i && f->page >= g->ask_page &&
                     f->page - g->ask_page < g->ask_nr;
        if (!asked || f->state != from ||
            (call == UV_REFUSE && from != UV_UNSHARING && played.lent[pfn + i - FIRST_FRAME]))
            return -EPERM;
    }
    return (s64)nr;
}

s64 expect_exit(unsigned id, u64 field)
{
    const struct model_guest *g = &model.guests[id];
    const u8 *text = (const u8 *)g->text + 4 * (field - UV_EXIT_TEXT);

    switch (field) {
    case UV_EXIT_KIND:
        return g->kind;
    case UV_EXIT_PAGE:
        return (s64)g->exit_page;
    case UV_EXIT_NR:
        return (s64)g->exit_nr;
    case UV_EXIT_LOW:
        return (s64)(g->exit_value & 0xffffffff);
    case UV_EXIT_HIGH:
        return (s64)(g->exit_value >> 32);
    default:
        return field < UV_EXIT_FIELDS ? text[0] | text[1] << 8 | text[2] << 16 | (s64)text[3] << 24 : -EINVAL;
    }
}

/* Pages of one step of UV_DESTROY. */
static s64 expect_destroy(unsigned id)
{
    const struct model_guest *g = &model.guests[id];
    u64 end = MIN(g->next_destroy + UV_BATCH, g->pages), has = 0, all = 0;

    for (u64 page = g->next_destroy; page < g->pages; page++) {
        has += page < end && page_at(id, page);
        all += page_at(id, page) != NULL;
    }
    return all && end < g->pages ? (s64)MAX(has, 1UL) : (s64)has;
}

static s64 expect_about(unsigned id, u64 call, u64 a1, u64 a2, u64 a3, u64 a4)
{
    s64 result;

    switch (call) {
    case UV_DONATE:
        return expect_donate(id, a1);
    case UV_NEEDED:
        return (s64)enforce_needed(model.guests[id].pages);
    case UV_LOAD:
    case UV_IMPORT:
        return expect_secure(call, id, a1, a2, a3, a4);
    case UV_SEAL:
        return page_at(id, a1 >> PAGE_SHIFT) && played_guest(id)->access[a1 >> PAGE_SHIFT] & UV_EXEC ? 0 : -EINVAL;
    case UV_EXPOSE:
    case UV_REFUSE:
        return expect_answer(call, id, a1, a2);
    case UV_RUN:
        return model.guests[id].life == ASKING && !decided(id, &result) ? -EBUSY : 0;
    case UV_EXIT:
        return expect_exit(id, a1);
    case UV_COUNT:
        return a1 < UV_NR_STATES ? (s64)count_of(id, (enum uv_state)a1) : -EINVAL;
    case UV_DESTROY:
        return expect_destroy(id);
    case UV_RECLAIM:
        return model.guests[id].next_destroy < model.guests[id].pages ? -EPERM : count_of(id, UV_OWN) ? SOME_FRAME : 0;
    case UV_MEASUREMENT:
        return a1 < UV_MEASUREMENT_BYTES / 4 ? 0 : -EINVAL; /* 0: any number of 32 bits */
    default:
        return 0;
    }
}

static s64 expect(u64 call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
    if (call >= UV_NR_CALLS)
        return -EINVAL;
    if (call == UV_INIT)
        return -EPERM;
    if (call == UV_CREATE)
        return expect_create(a0);
    if (call == UV_QUERY)
        return is_frame(a0) ? (s64)((u64)frame_at(a0)->state | (u64)frame_at(a0)->guest << 4 | frame_at(a0)->page << 24)
                            : -EINVAL;
    if (a0 == 0 || a0 > UV_MAX_GUESTS || model.guests[a0].life == NOBODY)
        return -ESRCH;
    s64 may = allowed(call, model.guests[a0].life);
    return may ? may : expect_about((unsigned)a0, call, a1, a2, a3, a4);
}

/* --- following changes ------------------------------------------------------------------------ */
static void follow_run(unsigned id, u64 answer)
{
    struct model_guest *g = &model.guests[id];
    s64 result = (s64)answer;

    if (g->life == ASKING)
        decided(id, &result);
    if (g->life == ASKING || g->answer_due)
        CHECK_EQ(played_guest(id)->result, result, "what the guest finds as the result of its call",
                 "share and unshare: from the table of frames; console and yield: the host's number");
    g->life = RUNNING;
    g->place = played.place;
    g->answer_due = g->takes_all = false;
}

static void follow_destroy(unsigned id)
{
    struct model_guest *g = &model.guests[id];
    u64 end = MIN(g->next_destroy + UV_BATCH, g->pages);
    bool any = false;

    g->life = DEAD;
    for (u64 page = g->next_destroy; page < g->pages; page++) {
        any |= page_at(id, page) != NULL;
        if (page < end && page_at(id, page))
            model_become(played_guest(id)->frame[page], UV_NONSECURE, 0, 0, true);
    }
    g->next_destroy = any ? end : g->pages;
}

static void follow_reclaim(unsigned id, s64 seen)
{
    if (seen) {
        CHECK(is_frame((u64)seen) && frame_at((u64)seen)->state == UV_OWN && frame_at((u64)seen)->guest == id,
              "a guest gives back frames of its own tables", "frame 0x%lx", seen);
        model_become((pfn_t)seen, UV_NONSECURE, 0, 0, true);
    } else {
        model.guests[id] = (struct model_guest){NOBODY};
    }
}

static void follow_answer(u64 call, unsigned id, pfn_t pfn, u64 nr)
{
    for (u64 i = 0; i < nr; i++) {
        enum uv_state from = frame_at(pfn + i)->state;
        model_become(pfn + i, call == UV_EXPOSE || from == UV_UNSHARING ? UV_SHARED : UV_SECURE, id,
                     frame_at(pfn + i)->page, false);
    }
}

static void follow(u64 call, u64 a0, u64 a1, u64 a2, u64 a3, s64 seen)
{
    unsigned id = (unsigned)a0;

    switch (call) {
    case UV_CREATE:
        model.guests[seen] = (struct model_guest){.life = LOADING, .pages = a0};
        break;
    case UV_DONATE:
        model_become(a1, UV_OWN, id, 0, true);
        break;
    case UV_LOAD:
    case UV_IMPORT:
        for (u64 i = 0; i < a3; i++) /* pages that come back from the host aren't zeroed */
            model_become(a2 + i, UV_SECURE, id, a1 + i, call == UV_IMPORT && frame_at(a2 + i)->state == UV_NONSECURE);
        break;
    case UV_SEAL:
        CHECK_EQ(played_guest(id)->entry, a1, "where the guest begins", "its entry point");
        model.guests[id].life = READY;
        break;
    case UV_EXPOSE:
    case UV_REFUSE:
        follow_answer(call, id, a1, a2);
        break;
    case UV_RUN:
        follow_run(id, a1);
        break;
    case UV_STOP:
        model.guests[id].life = STOPPED;
        break;
    case UV_DESTROY:
        follow_destroy(id);
        break;
    case UV_RECLAIM:
        follow_reclaim(id, seen);
        break;
    default: /* the other calls are queries */
        model.changes--;
    }
    model.changes++;
}

s64 host5(u64 call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
    static const char names[UV_NR_CALLS + 1][16] = {
        "UV_INIT",  "UV_CREATE", "UV_DONATE",  "UV_NEEDED",  "UV_LOAD",        "UV_IMPORT",
        "UV_SEAL",  "UV_EXPOSE", "UV_REFUSE",  "UV_RUN",     "UV_EXIT",        "UV_STOP",
        "UV_QUERY", "UV_COUNT",  "UV_DESTROY", "UV_RECLAIM", "UV_MEASUREMENT", "no call"};
    const char *name = names[MIN(call, (u64)UV_NR_CALLS)];
    s64 expected = expect(call, a0, a1, a2, a3, a4);

    machine_watch();
    s64 seen = uv_host_call(call, a0, a1, a2, a3, a4);
    tell("%s(0x%lx, 0x%lx, 0x%lx, 0x%lx, 0x%lx) = %s", name, a0, a1, a2, a3, a4, error_name(seen));
    model.calls++;
    if (expected == 0 && call == UV_MEASUREMENT)
        CHECK(seen >= 0 && seen <= 0xffffffffL, "four bytes of the measurement", "%s: 0x%lx", name, seen);
    else if (!(expected == SOME_FRAME && call == UV_RECLAIM))
        CHECK_EQ(seen, expected, name, "docs/ultravisor.md, its tables of frames and calls");
    if (seen >= 0)
        follow(call, a0, a1, a2, a3, seen);
    return seen;
}
