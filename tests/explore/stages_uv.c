/* SPDX-License-Identifier: MIT */
/*
 * Stages on the ultravisor: a guest of sixteen pages, and calls of host threads and of the guest that meet. A call
 * works under the guest's lock, so every answer must be the answer of some order.
 */
#include "operations.h"
#include "stages.h"
#include "enforce.h"
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include "../../uv/core/uv.h"
#include "../../uv/soft/soft.h"
#include <quire/buddy.h>
#include <quire/errno.h>
#include <quire/uv_soft.h>
#include <uapi/quire/uv_guest.h>
#include <string.h>

#define PAGES 16u
#define ASKED 4u /* pages 4 and 5 */

static unsigned guest, spare[OPERATIONS_MAX];
static pfn_t table;

static s64 call(enum uv_call what, u64 a1, u64 a2, u64 a3, u64 a4) { return uvcall(what, guest, a1, a2, a3, a4); }

static void must(s64 result, s64 expected, const char *what) { CHECK_EQ(result, expected, what, "the stage is set"); }

static void donate(void)
{
    for (s64 needed = call(UV_NEEDED, 0, 0, 0, 0); needed > 0; needed--) {
        pfn_t pfn = frames_alloc(0, MEMDESC_UV);
        must(call(UV_DONATE, pfn, 0, 0, 0), 0, "UV_DONATE");
    }
}

/* A guest with half of its pages loaded. */
static void begin_loading(void)
{
    scene_begin(1024);
    enforce_begin();
    memset(&uv, 0, sizeof(uv));
    table = frames_alloc(2, MEMDESC_UV);
    must(uvcall(UV_INIT, table, 4, 0, 0, 0), 0, "UV_INIT");
    scene.folio = folio_alloc(4, FOLIO_ZERO);
    scene.pfn = scene.folio->pfn + ASKED;
    guest = (unsigned)uvcall(UV_CREATE, PAGES, 0, 0, 0, 0);
    must(guest, 1, "UV_CREATE");
    donate();
    must(call(UV_LOAD, 0, scene.folio->pfn, 1, PROT_READ | PROT_EXEC), 1, "UV_LOAD");
    must(call(UV_IMPORT, 1, scene.folio->pfn + 1, PAGES / 2 - 1, 0), PAGES / 2 - 1, "UV_IMPORT");
}

static void begin_ready(void)
{
    begin_loading();
    must(call(UV_IMPORT, PAGES / 2, scene.folio->pfn + PAGES / 2, PAGES / 2, 0), PAGES / 2, "UV_IMPORT");
    must(call(UV_SEAL, 0, 0, 0, 0), 0, "UV_SEAL");
}

/* Enters the guest on this CPU; the guest's registers decide what it does next. */
static s64 run(void) { return call(UV_RUN, 0, 0, 0, 0); }

static bool guest_says(u64 nr, u64 arg0, u64 arg1)
{
    tf_set_call(enforce_frame(), nr, arg0, arg1);
    return uv_guest_trap_call(guest, enforce_frame());
}

static void begin_asking(void)
{
    begin_ready();
    must(run(), 0, "UV_RUN");
    must(guest_says(UVG_SHARE, ASKED, 2), true, "the guest leaves");
}

static void begin_shared_pages(void)
{
    begin_asking();
    must(call(UV_EXPOSE, scene.pfn, 2, 0, 0), 2, "UV_EXPOSE");
}

static void begin_unsharing(void)
{
    begin_shared_pages();
    must(run(), 0, "UV_RUN");
    must(guest_says(UVG_UNSHARE, ASKED, 2), true, "the guest leaves");
}

/* --- operations -------------------------------------------------------------------------------- */
static long op_create(void)
{
    s64 id = uvcall(UV_CREATE, PAGES, 0, 0, 0, 0);

    if (id > 0)
        spare[running] = (unsigned)id;
    return id;
}
static long op_query(void)
{
    return (long)uv_state_of((u64)uvcall(UV_QUERY, scene.pfn, 0, 0, 0, 0)) != UV_BUSY ? 0 : -EBUSY;
}
static long op_load(void) { return call(UV_LOAD, PAGES / 2, scene.folio->pfn + PAGES / 2, 2, PROT_READ); }
static long op_import(void) { return call(UV_IMPORT, PAGES / 2, scene.folio->pfn + PAGES / 2, 2, 0); }
static long op_import_other(void) { return call(UV_IMPORT, PAGES / 2 + 2, scene.folio->pfn + PAGES / 2, 2, 0); }
static long op_import_back(void) { return call(UV_IMPORT, ASKED, scene.pfn, 2, 0); }
static long op_seal(void) { return call(UV_SEAL, 0, 0, 0, 0); }
static long op_expose(void) { return call(UV_EXPOSE, scene.pfn, 2, 0, 0); }
static long op_expose_one(void) { return call(UV_EXPOSE, scene.pfn + 1, 1, 0, 0); }
static long op_refuse(void) { return call(UV_REFUSE, scene.pfn, 2, 0, 0); }
static long op_refuse_one(void) { return call(UV_REFUSE, scene.pfn, 1, 0, 0); }
static long op_stop(void) { return call(UV_STOP, 0, 0, 0, 0); }
static long op_destroy(void) { return call(UV_DESTROY, 0, 0, 0, 0); }
static long op_reclaim(void)
{
    s64 pfn = call(UV_RECLAIM, 0, 0, 0, 0);

    if (pfn > 0)
        frames_free((pfn_t)pfn, 0);
    return pfn > 0 ? 1 : pfn;
}
/* A thread runs the guest, which asks to share two pages, to share others, or ends. */
static long run_and(u64 nr, u64 arg0, u64 arg1)
{
    s64 err = run();

    if (err)
        return err;
    CHECK(guest_says(nr, arg0, arg1), "the guest leaves on the CPU that it runs on", "it went on");
    return 0;
}
static long op_run_yield(void) { return run_and(UVG_YIELD, 1, 0); }
static long op_run_share(void) { return run_and(UVG_SHARE, ASKED, 2); }
static long op_run_exit(void) { return run_and(UVG_EXIT, 0, 0); }
/* Whether the host can read the guest's frame. */
static long op_peek(void)
{
    s64 word = uvcall(UV_QUERY, scene.pfn, 0, 0, 0, 0);
    return uv_state_of((u64)word) == UV_SHARED ? 1 : 0;
}

/* --- books ------------------------------------------------------------------------------------- */
static void check_frame(pfn_t pfn, u64 count[UV_NR_STATES])
{
    u64 word = uv_frame_read(pfn);
    enum uv_state state = uv_state_of(word);
    bool secret = state == UV_SECURE || state == UV_SHARING;

    CHECK(state != UV_BUSY, "no call leaves a frame on its way", "frame 0x%lx is busy", pfn);
    CHECK(enforce_hidden(pfn) == secret, "a frame is hidden exactly when the guest alone has it",
          "frame 0x%lx is %s, and %s", pfn, uv_state_name(state), enforce_hidden(pfn) ? "hidden" : "not hidden");
    if (state == UV_NONSECURE || state == UV_OWN)
        return;
    struct uv_guest *g = &uv.guests[uv_guest_of(word) - 1];
    CHECK(enforce_frame_of(g->id, uv_page_of(word)) == pfn, "a guest's frame is where its tables show it",
          "frame 0x%lx isn't", pfn);
    if (uv_guest_of(word) == guest)
        count[state]++;
}

static void check_uv(void)
{
    u64 count[UV_NR_STATES] = {0};
    struct uv_guest *g = &uv.guests[guest - 1];

    for (pfn_t pfn = memory.first; pfn < memory.end; pfn++)
        check_frame(pfn, count);
    for (unsigned s = 0; g->state != UVG_FREE && s < UV_NR_STATES; s++)
        if (s != UV_OWN)
            CHECK_EQ(g->count[s], count[s], "frames of the guest in one state, against the table",
                     "every change is counted");
    for (unsigned i = 0; i <= UV_MAX_GUESTS; i++)
        CHECK(!spin_is_locked(&uv_soft.lock[i]), "a lock that is taken is let go", "guest %u is locked", i);
}

/* States of the folio's frames and of the guest, in one number. */
static u64 look_at_uv(void)
{
    u64 all = 0;

    for (unsigned i = 0; i < PAGES; i++)
        all = all * 7 + uv_state_of(uv_frame_read(scene.folio->pfn + i));
    return all * UVG_NR_STATES + uv.guests[guest - 1].state;
}

static void end_guest(unsigned id)
{
    s64 n;

    if (!id || uv.guests[id - 1].state == UVG_FREE)
        return;
    while (uvcall(UV_DESTROY, id, 0, 0, 0, 0) > 0)
        ;
    while ((n = uvcall(UV_RECLAIM, id, 0, 0, 0, 0)) > 0)
        frames_free((pfn_t)n, 0);
    CHECK_EQ(n, 0, "UV_RECLAIM in the end", "a guest gives everything back");
}

static void end_uv(void)
{
    end_guest(guest);
    for (unsigned i = 0; i < OPERATIONS_MAX; i++) {
        end_guest(spare[i]);
        spare[i] = 0;
    }
    frames_free(table, 2);
}

#define UV_STAGE(name_, text, begin_, ...)                                                                             \
    static const struct operation on_##name_[] = {__VA_ARGS__, NO_OPERATION};                                          \
    const struct stage stage_##name_ = {.name = text,                                                                  \
                                        .begin = begin_,                                                               \
                                        .operations = on_##name_,                                                      \
                                        .small = true,                                                                 \
                                        .check = check_uv,                                                             \
                                        .look = look_at_uv,                                                            \
                                        .end = end_uv}

UV_STAGE(guest_loading, "guest-loading", begin_loading, OP("create", op_create), OP("load", op_load),
         OP("import", op_import), OP("import-other", op_import_other), OP("seal", op_seal), OP("stop", op_stop),
         OP("destroy", op_destroy), OP("reclaim", op_reclaim, .in_steps = true),
         OP("query", op_query, .not_now = {-EBUSY}));
UV_STAGE(guest_ready, "guest-ready", begin_ready, OP("create", op_create),
         OP("run-yield", op_run_yield, .not_now = {-EBUSY}),
         OP("run-share", op_run_share, .not_now = {-EBUSY}, .in_steps = true),
         OP("run-exit", op_run_exit, .not_now = {-EBUSY}), OP("stop", op_stop, .not_now = {-EBUSY}),
         OP("destroy", op_destroy, .not_now = {-EBUSY}),
         OP("reclaim", op_reclaim, .not_now = {-EBUSY}, .in_steps = true));
UV_STAGE(guest_asking, "guest-asking", begin_asking, OP("expose", op_expose), OP("expose-one", op_expose_one),
         OP("refuse", op_refuse), OP("refuse-one", op_refuse_one),
         OP("run-yield", op_run_yield, .not_now = {-EBUSY}, .in_steps = true), OP("stop", op_stop, .not_now = {-EBUSY}),
         OP("destroy", op_destroy, .not_now = {-EBUSY}), OP("peek", op_peek));
UV_STAGE(guest_unsharing, "guest-unsharing", begin_unsharing, OP("import", op_import_back), OP("refuse", op_refuse),
         OP("refuse-one", op_refuse_one), OP("run-yield", op_run_yield, .not_now = {-EBUSY}, .in_steps = true),
         OP("stop", op_stop, .not_now = {-EBUSY}), OP("destroy", op_destroy, .not_now = {-EBUSY}), OP("peek", op_peek));

/* --- two guests ------------------------------------------------------------------------------- */
/* Both are being loaded; calls about one and about the other have different locks, and the same frames. */
static void begin_two(void)
{
    begin_loading();
    unsigned first = guest;
    guest = spare[0] = (unsigned)uvcall(UV_CREATE, PAGES, 0, 0, 0, 0);
    must(guest, 2, "UV_CREATE");
    donate();
    /* the tables for this page are there */
    must(call(UV_LOAD, PAGES / 2 + 4, scene.folio->pfn + PAGES / 2 + 4, 1, PROT_READ), 1, "UV_LOAD");
    guest = first;
    must(call(UV_LOAD, PAGES / 2 + 5, scene.folio->pfn + PAGES / 2 + 5, 1, PROT_READ), 1, "UV_LOAD");
}

static long take_for(unsigned id, enum uv_call what, u64 page)
{
    return uvcall(what, id, page, scene.folio->pfn + PAGES / 2, 2, what == UV_LOAD ? PROT_READ : 0);
}
static long op_take_first(void) { return take_for(guest, UV_IMPORT, PAGES / 2); }
static long op_take_second(void) { return take_for(spare[0], UV_IMPORT, PAGES / 2); }
static long op_load_first(void) { return take_for(guest, UV_LOAD, PAGES / 2); }
static long op_load_second(void) { return take_for(spare[0], UV_LOAD, PAGES / 2); }
static long op_destroy_second(void) { return uvcall(UV_DESTROY, spare[0], 0, 0, 0, 0) > 0 ? 0 : -EIO; }
static void check_two(void)
{
    unsigned first = guest;

    check_uv();
    guest = spare[0];
    check_uv();
    guest = first;
}
static const struct operation on_two[] = {
    OP("import-first", op_take_first, .not_now = {-EBUSY}),
    OP("import-second", op_take_second, .not_now = {-EBUSY}),
    OP("load-first", op_load_first, .not_now = {-EBUSY}),
    OP("load-second", op_load_second, .not_now = {-EBUSY}),
    OP("destroy-second", op_destroy_second, .alone = true),
    NO_OPERATION,
};
const struct stage stage_guest_two = {.name = "guest-two", .begin = begin_two, .operations = on_two, .small = true,
                                      .check = check_two, .look = look_at_uv, .end = end_uv};

/* --- a guest's place is used again while another CPU begins a generation of ASIDs --------------------------------- */
static void begin_recycled(void)
{
    begin_ready();
    begin_private(0, 1);
    cpu_play(1); /* the CPU of the second operation */
    must(run(), 0, "UV_RUN"); /* the guest is loaded there, with an ASID of this generation */
    cpu_play(0);
    for (u64 asid = 0; asid + 1 < 1UL << ARCH_ASID_BITS;) { /* use up all numbers */
        struct mm *mm = mm_create();
        mm_activate(mm);
        asid = mm->root.asid;
        mm_activate(NULL);
        mm_put(mm);
    }
}

static long op_rollover(void)
{
    mm_activate(scene.mm[0]);
    mm_activate(NULL);
    return 0;
}

static long op_recycle(void)
{
    s64 n;

    CHECK(guest_says(UVG_EXIT, 0, 0), "the guest leaves", "it went on");
    while (uvcall(UV_DESTROY, guest, 0, 0, 0, 0) > 0)
        ;
    while ((n = uvcall(UV_RECLAIM, guest, 0, 0, 0, 0)) > 0)
        frames_free((pfn_t)n, 0);
    return uvcall(UV_CREATE, PAGES, 0, 0, 0, 0);
}

static void check_recycled(void)
{
    const struct pt_root *root = &uv_soft.guests[guest - 1].mm.root;

    check_uv();
    if (uv.guests[guest - 1].state == UVG_LOADING)
        CHECK(!root->generation, "a root is given a number by whoever loads it: ASID 0 is the kernel's",
              "a new guest has ASID %lu in generation %lu before it ever ran", (unsigned long)root->asid, (unsigned long)root->generation);
}

static const struct operation on_recycled[] = {
    OP("rollover", op_rollover, .alone = true),
    OP("recycle", op_recycle, .alone = true),
    NO_OPERATION,
};
const struct stage stage_guest_recycled = {.name = "guest-recycled", .begin = begin_recycled, .operations = on_recycled,
                                           .small = true, .check = check_recycled, .end = end_uv};
