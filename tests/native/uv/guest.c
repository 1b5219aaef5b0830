/* SPDX-License-Identifier: MIT */
/* The result that each trap of a guest must have, and the guest's result when it goes on. */
#include "model.h"
#include "../play/check.h"
#include <quire/errno.h>
#include <uapi/quire/abi.h>
#include <string.h>

/* --- which guest runs here -------------------------------------------------------------------- */
static bool runs_here(unsigned id)
{
    return id >= 1 && id <= UV_MAX_GUESTS && model.guests[id].life == RUNNING && model.guests[id].place == played.place;
}

static u64 place_number(void) { return 1000 + played.place; }

static bool must_leave(bool seen, const char *what)
{
    CHECK(seen, "a guest that ends, or waits for the host, leaves", "%s: it goes on", what);
    model.changes++;
    return true;
}

static bool must_stay(unsigned id, bool seen, s64 result)
{
    CHECK(!seen, "a guest whose call is answered goes on", "guest %u left", id);
    CHECK_EQ(played_guest(id)->result, result, "what the guest's call returns", "<uapi/quire/uv_guest.h>");
    return false;
}

static struct model_guest *says(unsigned id, u32 kind, u64 page, u64 nr, u64 value, enum life life)
{
    struct model_guest *g = &model.guests[id];

    g->kind = kind;
    g->exit_page = page;
    g->exit_nr = nr;
    g->exit_value = value;
    memset(g->text, 0, sizeof(g->text));
    g->life = life;
    return g;
}

/* The reason comes as text; the tests in the machine check the text. */
static bool dies(unsigned id, bool seen, u64 page, u64 value)
{
    struct model_guest *g = says(id, QUIRE_GUEST_FAULT, page, 0, value, STOPPED);

    must_leave(seen, "its end");
    for (unsigned i = 0; i < UV_TEXT_BYTES / 4; i++) {
        s64 four = uv_host_call(UV_EXIT, id, UV_EXIT_TEXT + i, 0, 0, 0);
        for (unsigned k = 0; k < 4; k++)
            g->text[4 * i + k] = (char)(four >> (8 * k));
    }
    CHECK(strnlen(g->text, sizeof(g->text)) >= 10 && !g->text[UV_TEXT_BYTES - 1], "a guest's end is told in words",
          "\"%.127s\"", g->text);
    return true;
}

/* --- share and unshare ------------------------------------------------------------------------ */
bool decided(unsigned id, s64 *result)
{
    const struct model_guest *g = &model.guests[id];
    u64 shared = 0, secure = 0;

    for (u64 i = 0; i < g->ask_nr; i++) {
        const struct model_frame *f = page_at(id, g->ask_page + i);
        shared += f && f->state == UV_SHARED;
        secure += f && f->state == UV_SECURE;
    }
    if (g->shares) {
        *result = shared == g->ask_nr ? 0 : -EPERM;
        return shared == g->ask_nr || secure == g->ask_nr;
    }
    *result = secure != g->ask_nr ? -EPERM : g->takes_all ? (s64)count_of(id, UV_SHARED) : 0;
    return secure + shared == g->ask_nr;
}

static bool all_in(unsigned id, u64 page, u64 nr, enum uv_state state)
{
    if (!nr || nr > UV_BATCH || page >= model.guests[id].pages || nr > model.guests[id].pages - page)
        return false;
    for (u64 i = 0; i < nr; i++)
        if (!page_at(id, page + i) || page_at(id, page + i)->state != state)
            return false;
    return true;
}

static bool asks(unsigned id, bool seen, bool shares, u64 page, u64 nr)
{
    if (!all_in(id, page, nr, shares ? UV_SECURE : UV_SHARED))
        return must_stay(id, seen, -EINVAL);
    for (u64 i = 0; i < nr; i++)
        model_become(played_guest(id)->frame[page + i], shares ? UV_SHARING : UV_UNSHARING, id, page + i, false);
    struct model_guest *g = says(id, shares ? QUIRE_GUEST_SHARE : QUIRE_GUEST_UNSHARE, page, nr, 0, ASKING);
    g->shares = shares;
    g->ask_page = page;
    g->ask_nr = nr;
    return must_leave(seen, "share or unshare");
}

/*
 * The ultravisor chooses the run of shared pages. If it has looked at UV_BATCH pages and found none, the guest asks
 * again.
 */
static bool asks_for_all(unsigned id, bool seen)
{
    u64 shared = count_of(id, UV_SHARED);

    if (!seen) {
        CHECK(!shared || model.guests[id].pages > UV_BATCH, "a shared page is found", "%lu are shared", shared);
        return must_stay(id, seen, (s64)shared);
    }
    model.guests[id].takes_all = true;
    u64 page = (u64)uv_host_call(UV_EXIT, id, UV_EXIT_PAGE, 0, 0, 0),
        nr = (u64)uv_host_call(UV_EXIT, id, UV_EXIT_NR, 0, 0, 0);
    CHECK(all_in(id, page, nr, UV_SHARED), "a run of shared pages is taken back", "%lu pages at %lu", nr, page);
    return asks(id, seen, false, page, nr);
}

/* --- buffers ---------------------------------------------------------------------------------- */
static bool may_use(unsigned id, u64 addr, u64 n, unsigned access)
{
    u64 end = model.guests[id].pages << PAGE_SHIFT;

    if (addr > end || n > end - addr)
        return false;
    for (u64 i = 0; i < n; i++) /* byte by byte */
        if (!page_at(id, (addr + i) >> PAGE_SHIFT) || !(played_guest(id)->access[(addr + i) >> PAGE_SHIFT] & access))
            return false;
    return true;
}

static u8 *byte_of(unsigned id, u64 addr)
{
    return machine_frame(played_guest(id)->frame[addr >> PAGE_SHIFT]) + (addr & (PAGE_SIZE - 1));
}

static bool prints(unsigned id, bool seen, u64 addr, u64 n)
{
    n = MIN(n, (u64)UV_TEXT_BYTES - 1);
    if (!may_use(id, addr, n, UV_READ))
        return must_stay(id, seen, -EFAULT);
    struct model_guest *g = says(id, QUIRE_GUEST_CONSOLE, 0, 0, 0, READY);
    for (u64 i = 0; i < n; i++)
        g->text[i] = (char)*byte_of(id, addr + i);
    g->answer_due = true;
    return must_leave(seen, "console");
}

static bool measures(unsigned id, bool seen, u64 addr)
{
    if (!may_use(id, addr, UV_MEASUREMENT_BYTES, UV_WRITE))
        return must_stay(id, seen, -EFAULT);
    for (unsigned i = 0; i < UV_MEASUREMENT_BYTES; i++)
        CHECK_EQ(*byte_of(id, addr + i), uv_host_call(UV_MEASUREMENT, id, i / 4, 0, 0, 0) >> (8 * (i % 4)) & 0xff,
                 "a byte of the measurement", "host and guest are told the same");
    for (u64 page = addr >> PAGE_SHIFT; page <= (addr + UV_MEASUREMENT_BYTES - 1) >> PAGE_SHIFT; page++)
        /* the first bytes may have been overwritten */
        memcpy(&page_at(id, page)->stamp, byte_of(id, page << PAGE_SHIFT), sizeof(u64));
    return must_stay(id, seen, 0);
}

/* --- traps ------------------------------------------------------------------------------------ */
/* True: the guest doesn't run here; checks that uv/core says so. */
static bool nothing_happened(unsigned id, bool seen)
{
    if (runs_here(id))
        return false;
    CHECK(seen, "who doesn't run here isn't gone on with", "guest %u", id);
    return true;
}

bool guest_calls(unsigned id, u64 nr, u64 a0, u64 a1)
{
    machine_watch();
    bool seen = uv_guest_call(id, place_number(), nr, a0, a1);
    tell("guest %u at place %u calls %lu(0x%lx, 0x%lx), %s", id, played.place, nr, a0, a1, seen ? "leaves" : "goes on");
    model.calls++;
    if (nothing_happened(id, seen))
        return true;
    switch (nr) {
    case UVG_SHARE:
        return asks(id, seen, true, a0, a1);
    case UVG_UNSHARE:
        return asks(id, seen, false, a0, a1);
    case UVG_UNSHARE_ALL:
        return asks_for_all(id, seen);
    case UVG_CONSOLE:
        return prints(id, seen, a0, a1);
    case UVG_YIELD:
        says(id, QUIRE_GUEST_YIELD, 0, 0, a0, READY)->answer_due = true;
        return must_leave(seen, "yield");
    case UVG_EXIT:
        says(id, QUIRE_GUEST_EXIT, 0, 0, a0, STOPPED);
        return must_leave(seen, "exit");
    case UVG_PAGES:
        return must_stay(id, seen, (s64)model.guests[id].pages);
    case UVG_MEASUREMENT:
        return measures(id, seen, a0);
    default:
        return must_stay(id, seen, -ENOSYS);
    }
}

bool guest_faults(unsigned id, u64 addr, unsigned access)
{
    u64 forgotten = runs_here(id) ? played_guest(id)->forgotten : 0;
    bool seen = uv_guest_fault(id, place_number(), addr, access);

    tell("guest %u at place %u faults at 0x%lx, access %u, %s", id, played.place, addr, access,
         seen ? "leaves" : "goes on");
    model.calls++;
    if (nothing_happened(id, seen))
        return true;
    struct model_guest *g = &model.guests[id];
    if (!may_use(id, addr, 1, access) || g->last_fault == addr)
        return dies(id, seen, addr >> PAGE_SHIFT, 0);
    g->last_fault = addr;
    CHECK(!seen, "an access that the tables allow is made again", "guest %u left", id);
    CHECK_EQ(played_guest(id)->forgotten, forgotten + 1, "translations that are forgotten",
             "this CPU may remember an older entry");
    return false;
}

bool guest_raises(unsigned id, enum uv_exception what, u64 code)
{
    bool seen = uv_guest_exception(id, place_number(), what, code);

    tell("guest %u at place %u raises exception %u, %s", id, played.place, what, seen ? "leaves" : "goes on");
    model.calls++;
    return nothing_happened(id, seen) || dies(id, seen, 0, code);
}

bool guest_ends(unsigned id)
{
    bool seen = uv_guest_end(id, place_number());

    tell("the host's thread at place %u ends inside guest %u", played.place, id);
    model.calls++;
    return nothing_happened(id, seen) || dies(id, seen, 0, 0);
}
