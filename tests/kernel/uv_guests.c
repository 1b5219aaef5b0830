/* SPDX-License-Identifier: MIT */
/* See uv_guests.h. */
#include "uv_guests.h"
#include <quire/buddy.h>
#include <quire/direct_map.h>
#include <quire/guest.h>
#include <quire/string.h>
#include <quire/thread.h>

void uv_start(void) { ASSERT_EQ(guest_start_uv(), 0); }

/* Donate frames for its tables; frames that aren't taken are freed. */
static bool donate(struct uv_fixture x)
{
    bool fine = true;

    for (s64 needed = uvcall(UV_NEEDED, x.id, 0, 0, 0, 0); fine && needed > 0; needed -= 4) {
        pfn_t pfn = frames_alloc(2, MEMDESC_UV);
        for (unsigned i = 0; pfn != PFN_NONE && i < 4; i++) {
            fine = fine && uvcall(UV_DONATE, x.id, pfn + i, 0, 0, 0) == 0;
            if (!fine)
                frames_free(pfn + i, 0);
        }
        fine = fine && pfn != PFN_NONE;
    }
    return fine;
}

static struct uv_fixture begin(void)
{
    struct uv_fixture x = {folio_alloc(GUEST_ORDER, 0), 0};

    uv_start();
    ASSERT(x.folio != NULL);
    ASSERT_EQ(direct_map_prepare(x.folio->pfn, GUEST_PAGES), 0);
    x.id = (unsigned)uvcall(UV_CREATE, GUEST_PAGES, 0, 0, 0, 0);
    ASSERT(x.id >= 1 && x.id <= UV_MAX_GUESTS);
    return x;
}

struct uv_fixture uv_make(bool secure)
{
    struct uv_fixture x = begin();

    ASSERT(donate(x));
    if (secure)
        ASSERT_EQ(uvcall(UV_IMPORT, x.id, 0, x.folio->pfn, GUEST_PAGES, 0), (s64)GUEST_PAGES);
    return x;
}

struct uv_fixture uv_try_make_ready(bool *ready)
{
    struct uv_fixture x = begin();

    *ready = donate(x);
    memset(folio_address(x.folio), 0, PAGE_SIZE);
    *ready = *ready && uvcall(UV_LOAD, x.id, 0, x.folio->pfn, 1, ACCESS_READ | ACCESS_EXEC) == 1 &&
             uvcall(UV_IMPORT, x.id, 1, x.folio->pfn + 1, GUEST_PAGES - 1, 0) == (s64)GUEST_PAGES - 1 &&
             uvcall(UV_SEAL, x.id, GUEST_ENTRY, 0, 0, 0) == 0;
    return x;
}

struct uv_fixture uv_make_ready(void)
{
    bool ready;
    struct uv_fixture x = uv_try_make_ready(&ready);

    ASSERT(ready);
    return x;
}

void uv_unmake(struct uv_fixture x)
{
    s64 n;

    while ((n = uvcall(UV_DESTROY, x.id, 0, 0, 0, 0)) > 0)
        ;
    EXPECT_EQ(n, 0);
    while ((n = uvcall(UV_RECLAIM, x.id, 0, 0, 0, 0)) > 0)
        frames_free((pfn_t)n, 0);
    EXPECT_EQ(n, 0);
    EXPECT_EQ(direct_map_cover(x.folio->pfn, GUEST_PAGES).absent, 0);
    direct_map_restore(x.folio->pfn, GUEST_PAGES);
    folio_put(x.folio);
}

enum uv_state uv_state_at(pfn_t pfn) { return uv_state_of((u64)uvcall(UV_QUERY, pfn, 0, 0, 0, 0)); }
u64 uv_count(struct uv_fixture x, enum uv_state state) { return (u64)uvcall(UV_COUNT, x.id, state, 0, 0, 0); }

void uv_measurement(unsigned id, u32 digest[UV_MEASUREMENT_BYTES / 4])
{
    for (unsigned i = 0; i < UV_MEASUREMENT_BYTES / 4; i++) {
        s64 n = uvcall(UV_MEASUREMENT, id, i, 0, 0, 0);
        EXPECT(n >= 0);
        digest[i] = (u32)n;
    }
}

struct trapframe *uv_frame(void) { return arch_user_frame(current_thread()->stack_top); }

s64 uv_run(struct uv_fixture x, u64 answer) { return uvcall(UV_RUN, x.id, answer, 0, 0, 0); }

bool uv_guest_calls(struct uv_fixture x, u64 nr, u64 a, u64 b)
{
    bool irq = irq_save();

    tf_set_call(uv_frame(), nr, a, b);
    bool left = uv_guest_trap_call(x.id, uv_frame());
    irq_restore(irq);
    return left;
}

s64 uv_guest_result(void) { return tf_ret(uv_frame()); }

void uv_asks(struct uv_fixture x, u64 nr, u64 page, u64 pages)
{
    ASSERT_EQ(uv_run(x, 0), 0);
    EXPECT(uv_guest_calls(x, nr, page, pages));
}
