/* SPDX-License-Identifier: MIT */
/*
 * The calls of the host, and their only entry. Each call checks its arguments and the state of everything that it will
 * touch before it changes anything: see <quire/uv.h>, and rules.c for the tables of states and calls.
 */
#include <quire/errno.h>
#include <quire/string.h>
#include "uv.h"

#define MIN_PAGES 16  /* of a guest: its first stack frame needs some room */
#define STACK_GAP 256 /* bytes above a guest's first stack pointer */

static bool frames_ok(pfn_t pfn, u64 nr)
{
    return nr && nr <= UV_BATCH && uv_frame_valid(pfn) && uv_frame_valid(pfn + nr - 1);
}

static bool pages_ok(const struct uv_guest *g, u64 page, u64 nr) { return page <= g->nr_pages && nr <= g->nr_pages - page; }

/* --- the table of frames ------------------------------------------------------------------------ */
/* Frames that can never be a guest's are OWN for ever, and so are the frames of the table itself. */
static void fill_table(struct uv_frame *frames, struct enforce_machine m, pfn_t table, u64 nr)
{
    for (pfn_t pfn = m.first; pfn < m.end; pfn++)
        if ((pfn >= table && pfn < table + nr) || enforce_reserved(pfn))
            frames[pfn].word = uv_word(UV_OWN, 0, 0);
}

/* The table's frames exist in the machine, are enough for the table, and the host can reach them. */
static bool table_ok(struct enforce_machine m, pfn_t table, u64 nr)
{
    u64 frames = m.end - m.first, needed = DIV_ROUND_UP(frames * sizeof(struct uv_frame), PAGE_SIZE);

    return nr >= needed && nr <= frames && table >= m.first && table < m.end && nr <= m.end - table &&
           enforce_shown(table, nr);
}

static s64 call_init(pfn_t table, u64 nr)
{
    struct enforce_machine m = enforce_machine();
    s64 err = 0;

    uv_lock(0);
    if (uv_ready())
        err = -EPERM;
    else if (!table_ok(m, table, nr))
        err = -EINVAL;
    if (!err) {
        struct uv_frame *frames = (struct uv_frame *)enforce_keep(table, nr) - m.first;
        fill_table(frames, m, table, nr);
        uv.first = m.first;
        uv.end = m.end;
        __atomic_store_n(&uv.frames, frames, __ATOMIC_RELEASE); /* from here on there is an ultravisor */
    }
    uv_unlock(0);
    return err;
}

/* --- making a guest ----------------------------------------------------------------------------- */
static void begin_guest(struct uv_guest *g, u64 nr_pages)
{
    memset(g, 0, sizeof(*g)); /* the guest's lock isn't part of it */
    g->id = (unsigned)(g - uv.guests) + 1;
    g->nr_pages = nr_pages;
    uv_measure_begin(&g->measure, nr_pages);
    enforce_make(g->id, nr_pages);
    uv_guest_become(g, UVG_LOADING);
}

static s64 call_create(u64 nr_pages)
{
    if (!uv_ready())
        return -EPERM;
    if (nr_pages < MIN_PAGES || nr_pages > uv.end - uv.first || nr_pages > enforce_machine().guest_pages)
        return -EINVAL;
    for (unsigned i = 0; i < UV_MAX_GUESTS; i++) {
        struct uv_guest *g = &uv.guests[i];
        uv_lock(i + 1);
        bool mine = g->state == UVG_FREE;
        if (mine)
            begin_guest(g, nr_pages);
        uv_unlock(i + 1);
        if (mine)
            return i + 1;
    }
    return -EBUSY;
}

static s64 call_donate(struct uv_guest *g, pfn_t pfn)
{
    struct uv_span span = {g, 0, pfn, 1};

    if (!frames_ok(pfn, 1))
        return -EINVAL;
    if (g->count[UV_OWN] == UV_MAX_DONATED)
        return -EBUSY;
    s64 n = uv_change(&span, UV_BY_DONATE, 0);
    if (n < 0)
        return n;
    enforce_give(g->id, pfn);
    return 0;
}

static s64 call_load(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr, u64 access)
{
    struct uv_span span = {g, page, pfn, nr};

    if (!frames_ok(pfn, nr) || !pages_ok(g, page, nr))
        return -EINVAL;
    if ((access & UV_WRITE && access & UV_EXEC) || access & ~7UL || !(access & UV_READ))
        return -EINVAL;
    return uv_change(&span, UV_BY_LOAD, (unsigned)access);
}

static s64 call_import(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr)
{
    struct uv_span span = {g, page, pfn, nr};

    if (!frames_ok(pfn, nr) || !pages_ok(g, page, nr))
        return -EINVAL;
    return uv_change(&span, UV_BY_IMPORT, UV_READ | UV_WRITE);
}

static s64 call_seal(struct uv_guest *g, u64 entry)
{
    if (!(enforce_access(g->id, entry >> PAGE_SHIFT) & UV_EXEC))
        return -EINVAL;
    uv_measure_entry(&g->measure, entry);
    enforce_start(g->id, entry, (g->nr_pages << PAGE_SHIFT) - STACK_GAP, g->nr_pages);
    uv_guest_become(g, UVG_READY);
    return 0;
}

/* --- what a guest asked for --------------------------------------------------------------------- */
/* EXPOSE and REFUSE: these frames, if they are among the pages that the guest waits for. */
static s64 call_answer(struct uv_guest *g, enum uv_by by, pfn_t pfn, u64 nr)
{
    if (!frames_ok(pfn, nr))
        return -EINVAL;
    u64 page = uv_page_of(uv_frame_read(pfn)), end = g->exit.page + g->exit.nr;
    struct uv_span span = {g, page, pfn, nr};

    if (page < g->exit.page || page >= end || nr > end - page)
        return -EPERM;
    return uv_change(&span, by, 0);
}

static s64 call_exit(const struct uv_guest *g, u64 field)
{
    const u8 *text = (const u8 *)g->exit.text + 4 * (field - UV_EXIT_TEXT);

    switch (field) {
    case UV_EXIT_KIND:
        return g->exit.kind;
    case UV_EXIT_PAGE:
        return (s64)g->exit.page;
    case UV_EXIT_NR:
        return (s64)g->exit.nr;
    case UV_EXIT_LOW:
        return (u32)g->exit.value;
    case UV_EXIT_HIGH:
        return (s64)(g->exit.value >> 32);
    default:
        if (field >= UV_EXIT_FIELDS)
            return -EINVAL;
        return g->exit.has_text ? text[0] | text[1] << 8 | text[2] << 16 | (s64)text[3] << 24 : 0;
    }
}

/* --- the end of a guest ------------------------------------------------------------------------- */
/* How many pages from this one on, up to nr, show consecutive frames in the same state. */
static u64 run_of_pages(struct uv_guest *g, u64 page, pfn_t pfn, u64 nr)
{
    enum uv_state state = uv_page_state(g, page);
    u64 n = 1;

    while (n < nr && page + n < g->nr_pages && enforce_frame_of(g->id, page + n) == pfn + n &&
           uv_page_state(g, page + n) == state)
        n++;
    return n;
}

/* Pages that the guest has, in any state. */
static u64 pages_of(const struct uv_guest *g)
{
    return g->count[UV_SECURE] + g->count[UV_SHARING] + g->count[UV_SHARED] + g->count[UV_UNSHARING];
}

/* The host gets a frame back only after it is zeroed. */
static s64 call_destroy(struct uv_guest *g)
{
    u64 done = 0, looked = 0, nr;

    if (g->state != UVG_DEAD)
        uv_guest_become(g, UVG_DEAD);
    if (!pages_of(g))
        g->next_destroy = g->nr_pages;
    for (; g->next_destroy < g->nr_pages && looked < UV_BATCH; g->next_destroy += nr, looked += nr) {
        pfn_t pfn = enforce_frame_of(g->id, g->next_destroy);
        nr = 1;
        if (pfn == PFN_NONE)
            continue;
        nr = run_of_pages(g, g->next_destroy, pfn, UV_BATCH - looked);
        struct uv_span span = {g, g->next_destroy, pfn, nr};
        s64 n = uv_change(&span, UV_BY_DESTROY, 0);
        UV_ASSERT(n == (s64)nr, "a guest's page is its own", g->id, g->next_destroy, n);
        done += nr;
    }
    return g->next_destroy < g->nr_pages ? (s64)MAX(done, 1UL) : (s64)done;
}

static s64 call_reclaim(struct uv_guest *g)
{
    if (g->next_destroy < g->nr_pages)
        return -EPERM;
    pfn_t pfn = enforce_take_back(g->id);
    if (pfn == PFN_NONE) {
        UV_ASSERT(!g->count[UV_OWN], "a guest gives back every frame of its tables", g->id, g->count[UV_OWN], 0);
        uv_guest_become(g, UVG_FREE);
        return 0;
    }
    struct uv_span span = {g, 0, pfn, 1};
    s64 n = uv_change(&span, UV_BY_RECLAIM, 0);
    UV_ASSERT(n == 1, "a frame of a guest's tables is its own", g->id, pfn, n);
    return (s64)pfn;
}

static s64 call_measurement(const struct uv_guest *g, u64 i)
{
    u8 digest[UV_MEASUREMENT_BYTES];

    if (i >= UV_MEASUREMENT_BYTES / 4)
        return -EINVAL;
    uv_measure_digest(&g->measure, digest);
    const u8 *b = digest + 4 * i;
    return b[0] | b[1] << 8 | b[2] << 16 | (s64)b[3] << 24;
}

/* --- the entry ---------------------------------------------------------------------------------- */
/* The guest's lock is held, and its state allows the call. */
static s64 guest_call(struct uv_guest *g, enum uv_call call, u64 a1, u64 a2, u64 a3, u64 a4)
{
    switch (call) {
    case UV_DONATE:
        return call_donate(g, a1);
    case UV_NEEDED:
        return (s64)enforce_needed(g->nr_pages);
    case UV_LOAD:
        return call_load(g, a1, a2, a3, a4);
    case UV_IMPORT:
        return call_import(g, a1, a2, a3);
    case UV_SEAL:
        return call_seal(g, a1);
    case UV_EXPOSE:
        return call_answer(g, UV_BY_EXPOSE, a1, a2);
    case UV_REFUSE:
        return call_answer(g, UV_BY_REFUSE, a1, a2);
    case UV_RUN:
        return uv_enter(g, a1);
    case UV_EXIT:
        return call_exit(g, a1);
    case UV_STOP:
        uv_guest_become(g, UVG_STOPPED);
        return 0;
    case UV_COUNT:
        return a1 < UV_NR_STATES ? (s64)g->count[a1] : -EINVAL;
    case UV_DESTROY:
        return call_destroy(g);
    case UV_RECLAIM:
        return call_reclaim(g);
    case UV_MEASUREMENT:
        return call_measurement(g, a1);
    default:
        return -EINVAL;
    }
}

s64 uv_host_call(u64 call, u64 a0, u64 a1, u64 a2, u64 a3, u64 a4)
{
    if (call >= UV_NR_CALLS)
        return -EINVAL;
    if (call == UV_INIT)
        return call_init(a0, a1);
    if (call == UV_CREATE)
        return call_create(a0);
    if (call == UV_QUERY)
        return uv_frame_valid(a0) ? (s64)uv_frame_read(a0) : -EINVAL;
    if (a0 == 0 || a0 > UV_MAX_GUESTS)
        return -ESRCH;
    struct uv_guest *g = &uv.guests[a0 - 1];
    uv_lock((unsigned)a0);
    s64 result = g->state == UVG_FREE ? -ESRCH : uv_call_allowed((enum uv_call)call, g->state);
    if (!result)
        result = guest_call(g, (enum uv_call)call, a1, a2, a3, a4);
    uv_unlock((unsigned)a0);
    return result;
}
