/* SPDX-License-Identifier: MIT */
/*
 * Into a guest and out of it; the guest's calls. The enforcement exchanges registers and address spaces, at the place
 * where the host called; this file decides whether it does, and what result the guest gets. A trap inside the guest
 * comes here first and never reaches the host's system calls.
 *
 * The results of share and unshare are computed here from the frame table, when the guest is entered again. The host's
 * number reaches a guest only as the result of console and yield.
 */
#include <quire/errno.h>
#include <quire/string.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/uv_guest.h>
#include "uv.h"

/* --- in ---------------------------------------------------------------------------------------- */
/* Count the pages of the request by their state now. */
static void count_asked(struct uv_guest *g, u64 count[UV_NR_STATES])
{
    for (u64 i = 0; i < g->exit.nr; i++)
        count[uv_page_state(g, g->exit.page + i)]++;
}

/* The result of the guest's request; false: the host hasn't decided about all pages yet. */
static bool outcome(struct uv_guest *g, s64 *result)
{
    u64 count[UV_NR_STATES] = {0}, nr = g->exit.nr;

    count_asked(g, count);
    if (g->exit.kind == QUIRE_GUEST_SHARE) {
        *result = count[UV_SHARED] == nr ? 0 : -EPERM;
        return count[UV_SHARED] == nr || count[UV_SECURE] == nr;
    }
    *result = count[UV_SECURE] != nr ? -EPERM : g->unshares_all ? (s64)g->count[UV_SHARED] : 0;
    return count[UV_SECURE] + count[UV_SHARED] == nr;
}

s64 uv_enter(struct uv_guest *g, u64 answer)
{
    s64 result = (s64)answer;

    if (g->state == UVG_ASKING && !outcome(g, &result))
        return -EBUSY;
    if (g->state == UVG_ASKING || g->answer_due)
        enforce_result(g->id, result);
    g->answer_due = g->unshares_all = false;
    uv_guest_become(g, UVG_RUNNING);
    g->place = enforce_enter(g->id);
    return 0;
}

/* --- out --------------------------------------------------------------------------------------- */
/* The guest with this number, locked, if it runs at this place; NULL: it doesn't. */
static struct uv_guest *running(unsigned id, u64 place)
{
    if (id == 0 || id > UV_MAX_GUESTS)
        return NULL;
    struct uv_guest *g = &uv.guests[id - 1];
    uv_lock(id);
    if (g->state == UVG_RUNNING && g->place == place)
        return g;
    uv_unlock(id);
    return NULL;
}

/* The guest goes on. */
static bool stay(const struct uv_guest *g)
{
    uv_unlock(g->id);
    return false;
}

static bool stay_with(const struct uv_guest *g, s64 result)
{
    enforce_result(g->id, result);
    return stay(g);
}

/* Back to the host. Always true: "the guest left". */
static bool leave(struct uv_guest *g, enum uv_guest_state next)
{
    enforce_leave(g->id);
    uv_guest_become(g, next);
    uv_unlock(g->id);
    return true;
}

static void say(struct uv_guest *g, u32 kind, u64 page, u64 nr, u64 value)
{
    g->exit.kind = kind;
    g->exit.has_text = false;
    g->exit.page = page;
    g->exit.nr = nr;
    g->exit.value = value;
}

/* Up to UV_TEXT_BYTES - 1 bytes, and zeros behind them. */
static void say_text(struct uv_guest *g, const char *text, u64 n)
{
    memset(g->exit.text, 0, sizeof(g->exit.text));
    memcpy(g->exit.text, text, n);
    g->exit.has_text = true;
}

static bool leave_dead(struct uv_guest *g, u64 page, u64 value, const char *why)
{
    say(g, QUIRE_GUEST_FAULT, page, 0, value);
    say_text(g, why, strnlen(why, UV_TEXT_BYTES - 1));
    return leave(g, UVG_STOPPED);
}

/* Leave with a value; the host's number becomes the result. */
static bool leave_for_answer(struct uv_guest *g)
{
    g->answer_due = true;
    return leave(g, UVG_READY);
}

/* --- the guest's calls ------------------------------------------------------------------------- */
/* The first frame of these pages if their frames are consecutive, so that they needn't be looked up again; else
 * PFN_NONE. */
static pfn_t frames_in_a_row(const struct uv_guest *g, u64 page, u64 nr)
{
    pfn_t pfn = enforce_frame_of(g->id, page);

    for (u64 i = 1; i < nr; i++)
        if (pfn == PFN_NONE || enforce_frame_of(g->id, page + i) != pfn + i)
            return PFN_NONE;
    return pfn;
}

/* Ask the host to act on [page, page + nr): states change now, the answer comes with the next UV_RUN. */
static bool ask_host(struct uv_guest *g, u32 kind, u64 page, u64 nr)
{
    if (!nr || nr > UV_BATCH || page >= g->nr_pages || nr > g->nr_pages - page)
        return stay_with(g, -EINVAL);
    struct uv_span span = {g, page, frames_in_a_row(g, page, nr), nr};
    if (uv_change(&span, kind == QUIRE_GUEST_SHARE ? UV_BY_SHARE : UV_BY_UNSHARE, 0) < 0)
        return stay_with(g, -EINVAL);
    say(g, kind, page, nr, 0);
    return leave(g, UVG_ASKING);
}

/*
 * Unshare one run of shared pages; the run may come from several share calls. Looks at UV_BATCH pages at most; the next
 * call goes on from there. The guest repeats the call until the result says that no shared page is left.
 */
static bool unshare_next(struct uv_guest *g)
{
    for (u64 looked = 0; g->count[UV_SHARED] && looked < UV_BATCH; looked++) {
        u64 page = g->next_unshare, nr = 0;
        while (nr < UV_BATCH && uv_page_state(g, page + nr) == UV_SHARED)
            nr++;
        if (nr) {
            g->unshares_all = true;
            return ask_host(g, QUIRE_GUEST_UNSHARE, page, nr);
        }
        g->next_unshare = page + 1 < g->nr_pages ? page + 1 : 0;
    }
    return stay_with(g, (s64)g->count[UV_SHARED]);
}

static bool console(struct uv_guest *g, u64 addr, u64 bytes)
{
    char text[UV_TEXT_BYTES];
    u64 n = MIN(bytes, sizeof(text) - 1);

    if (uv_memory_read(g, text, addr, n))
        return stay_with(g, -EFAULT);
    say(g, QUIRE_GUEST_CONSOLE, 0, 0, 0);
    say_text(g, text, n);
    return leave_for_answer(g);
}

static bool measurement(struct uv_guest *g, u64 addr)
{
    u8 digest[UV_MEASUREMENT_BYTES];

    uv_measure_digest(&g->measure, digest);
    return stay_with(g, uv_memory_write(g, addr, digest, sizeof(digest)));
}

bool uv_guest_call(unsigned id, u64 place, u64 nr, u64 a0, u64 a1)
{
    struct uv_guest *g = running(id, place);

    if (!g)
        return true;
    switch (nr) {
    case UVG_SHARE:
        return ask_host(g, QUIRE_GUEST_SHARE, a0, a1);
    case UVG_UNSHARE:
        return ask_host(g, QUIRE_GUEST_UNSHARE, a0, a1);
    case UVG_UNSHARE_ALL:
        return unshare_next(g);
    case UVG_CONSOLE:
        return console(g, a0, a1);
    case UVG_YIELD:
        say(g, QUIRE_GUEST_YIELD, 0, 0, a0);
        return leave_for_answer(g);
    case UVG_EXIT:
        say(g, QUIRE_GUEST_EXIT, 0, 0, a0);
        return leave(g, UVG_STOPPED);
    case UVG_PAGES:
        return stay_with(g, (s64)g->nr_pages);
    case UVG_MEASUREMENT:
        return measurement(g, a0);
    default:
        return stay_with(g, -ENOSYS);
    }
}

/* --- what the guest may not do ----------------------------------------------------------------- */
/* Whether the guest's tables allow the access after all. Then software has to set the accessed or dirty bit, or this
 * CPU's TLB holds an older entry. */
static bool allowed_after_all(const struct uv_guest *g, u64 addr, unsigned access)
{
    return enforce_access(g->id, addr >> PAGE_SHIFT) & access;
}

bool uv_guest_fault(unsigned id, u64 place, u64 addr, unsigned access)
{
    struct uv_guest *g = running(id, place);

    if (!g)
        return true;
    if (allowed_after_all(g, addr, access) && g->last_fault != addr) {
        g->last_fault = addr;
        enforce_forget(id, addr >> PAGE_SHIFT);
        return stay(g);
    }
    return leave_dead(g, addr >> PAGE_SHIFT, 0,
                      addr >> PAGE_SHIFT >= g->nr_pages ? "the guest used memory that it doesn't have"
                      : access == UV_WRITE              ? "the guest wrote to memory that it may not write"
                      : access == UV_EXEC               ? "the guest jumped into memory that isn't executable"
                                                        : "the guest read memory that it may not read");
}

bool uv_guest_exception(unsigned id, u64 place, enum uv_exception what, u64 code)
{
    struct uv_guest *g = running(id, place);

    if (!g)
        return true;
    return leave_dead(g, 0, code,
                      what == UV_EXCEPTION_ILLEGAL      ? "the guest ran an illegal instruction"
                      : what == UV_EXCEPTION_ARITHMETIC ? "the guest's arithmetic went wrong"
                      : what == UV_EXCEPTION_ALIGNMENT  ? "the guest made a misaligned access"
                                                        : "the guest raised an exception");
}

bool uv_guest_end(unsigned id, u64 place)
{
    struct uv_guest *g = running(id, place);

    return !g || leave_dead(g, 0, 0, "the host's thread ended");
}
