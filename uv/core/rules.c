/* SPDX-License-Identifier: MIT */
/*
 * Which changes of a frame and of a guest are allowed, and to whom: three tables, each read by one function. The tables
 * in docs/ultravisor.md are made from these (tools/uv_tables.py); `make check` compares them.
 */
#include <quire/errno.h>
#include "uv.h"

/*
 * Frames. The first rule is used whose state and caller fit and whose conditions all hold. A frame leaves the direct
 * map before it becomes SECURE, and returns only after it has left that state: effects are applied while the frame is
 * BUSY.
 */
#define MINE  UV_IF_MINE
#define FRESH (UV_IF_LOADING | UV_IF_EMPTY | UV_IF_BACK | UV_IF_PRESENT | UV_IF_PREPARED)
static const struct uv_rule rules[] = {
    {UV_NONSECURE, UV_BY_DONATE, UV_OWN, UV_IF_PRESENT | UV_IF_BACK, UV_ZERO},
    {UV_NONSECURE, UV_BY_LOAD, UV_SECURE, FRESH, UV_HIDE},
    {UV_NONSECURE, UV_BY_IMPORT, UV_SECURE, FRESH, UV_ZERO_HIDE},
    {UV_SECURE, UV_BY_SHARE, UV_SHARING, MINE, UV_KEEP},
    {UV_SHARING, UV_BY_EXPOSE, UV_SHARED, MINE, UV_SHOW},
    {UV_SHARING, UV_BY_REFUSE, UV_SECURE, MINE | UV_IF_BACK, UV_KEEP},
    {UV_SHARED, UV_BY_REFUSE, UV_SECURE, MINE | UV_IF_BACK, UV_HIDE}, /* exposed, then refused; ASKING only */
    {UV_SHARED, UV_BY_UNSHARE, UV_UNSHARING, MINE, UV_KEEP},
    {UV_UNSHARING, UV_BY_IMPORT, UV_SECURE, MINE | UV_IF_BACK, UV_HIDE},
    {UV_UNSHARING, UV_BY_REFUSE, UV_SHARED, MINE, UV_KEEP},
    {UV_SECURE, UV_BY_DESTROY, UV_NONSECURE, MINE, UV_ZERO_SHOW},
    {UV_SHARING, UV_BY_DESTROY, UV_NONSECURE, MINE, UV_ZERO_SHOW},
    {UV_SHARED, UV_BY_DESTROY, UV_NONSECURE, MINE, UV_ZERO_SHOW},
    {UV_UNSHARING, UV_BY_DESTROY, UV_NONSECURE, MINE, UV_ZERO_SHOW},
    {UV_OWN, UV_BY_RECLAIM, UV_NONSECURE, MINE, UV_ZERO_SHOW},
};

const struct uv_rule *uv_rule_for(enum uv_state from, enum uv_by by, unsigned facts)
{
    for (unsigned i = 0; i < ARRAY_SIZE(rules); i++)
        if (rules[i].from == from && rules[i].by == by && (rules[i].conditions & ~facts) == 0)
            return &rules[i];
    return NULL;
}

/* Host calls about a guest: the states in which each may be made. In FREE there is no guest: -ESRCH. */
#define IN(state) (1u << UVG_##state)
#define ALIVE (IN(LOADING) | IN(READY) | IN(ASKING) | IN(STOPPED))
static const u16 calls[UV_NR_CALLS] = {
    [UV_DONATE] = IN(LOADING),
    [UV_NEEDED] = ALIVE | IN(RUNNING),
    [UV_LOAD] = IN(LOADING),
    [UV_IMPORT] = IN(LOADING) | IN(ASKING),
    [UV_SEAL] = IN(LOADING),
    [UV_EXPOSE] = IN(ASKING),
    [UV_REFUSE] = IN(ASKING),
    [UV_RUN] = IN(READY) | IN(ASKING),
    [UV_EXIT] = IN(READY) | IN(ASKING) | IN(STOPPED),
    [UV_STOP] = IN(LOADING) | IN(READY) | IN(ASKING),
    [UV_COUNT] = ALIVE | IN(RUNNING) | IN(DEAD),
    [UV_DESTROY] = ALIVE | IN(DEAD),
    [UV_RECLAIM] = IN(DEAD),
    [UV_MEASUREMENT] = ALIVE | IN(RUNNING),
};

int uv_call_allowed(enum uv_call call, enum uv_guest_state state)
{
    if (calls[call] >> state & 1)
        return 0;
    return state == UVG_RUNNING && calls[call] ? -EBUSY : -EPERM;
}

/*
 * Guests, under the guest's lock:
 *
 *   FREE    -> LOADING   UV_CREATE
 *   LOADING -> READY     UV_SEAL
 *   READY   -> RUNNING   UV_RUN
 *   ASKING  -> RUNNING   UV_RUN, once the host has decided about every page that was asked for
 *   RUNNING -> READY     console and yield, by the CPU that it runs on
 *   RUNNING -> ASKING    share and unshare, by the CPU that it runs on
 *   RUNNING -> STOPPED   exit, fault, the end of the host thread inside, by the CPU that it runs on
 *   LOADING, READY, ASKING -> STOPPED   UV_STOP
 *   LOADING, READY, ASKING, STOPPED -> DEAD   UV_DESTROY
 *   DEAD    -> FREE      UV_RECLAIM of the last frame
 */
static const u16 next_states[UVG_NR_STATES] = {
    [UVG_FREE] = IN(LOADING),
    [UVG_LOADING] = IN(READY) | IN(STOPPED) | IN(DEAD),
    [UVG_READY] = IN(RUNNING) | IN(STOPPED) | IN(DEAD),
    [UVG_ASKING] = IN(RUNNING) | IN(STOPPED) | IN(DEAD),
    [UVG_RUNNING] = IN(READY) | IN(ASKING) | IN(STOPPED),
    [UVG_STOPPED] = IN(DEAD),
    [UVG_DEAD] = IN(FREE),
};

void uv_guest_become(struct uv_guest *g, enum uv_guest_state to)
{
    UV_ASSERT(uv.locked[g->id] && next_states[g->state] >> to & 1,
              "a guest's state changes under its lock, in the ways of next_states", g->id, g->state, to);
    g->state = to;
}
