/* SPDX-License-Identifier: MIT */
/*
 * Guests of kernel tests: only the ultravisor knows them, they have no kernel object. The test acts as the guest, on
 * its thread's own user frame.
 */
#pragma once

#include <quire/folio.h>
#include <quire/test.h>
#include <quire/uv_soft.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/uv_guest.h>

#define GUEST_ORDER 9
#define GUEST_PAGES (1UL << GUEST_ORDER)
#define GUEST_ENTRY 64UL /* in page 0, which is its program */

/* A guest with one folio whose frame i is its page i. */
struct uv_fixture {
    struct folio *folio;
    unsigned id;
};

void uv_start(void); /* or the test ends */
struct uv_fixture uv_make(bool secure);                     /* being loaded; `secure`: has all its pages, zeroed */
struct uv_fixture uv_make_ready(void);                      /* may run: page 0 is executable, the others are writable */
struct uv_fixture uv_try_make_ready(bool *ready);           /* false: somebody ended it meanwhile */
void uv_unmake(struct uv_fixture x);                        /* the direct map is whole again afterwards */
enum uv_state uv_state_at(pfn_t pfn);
u64 uv_count(struct uv_fixture x, enum uv_state state);
void uv_measurement(unsigned id, u32 digest[UV_MEASUREMENT_BYTES / 4]);

/* Enter the guest on this thread. Then the guest's calls, until it leaves. */
s64 uv_run(struct uv_fixture x, u64 answer);
struct trapframe *uv_frame(void);
bool uv_guest_calls(struct uv_fixture x, u64 nr, u64 a, u64 b); /* true: it left */
s64 uv_guest_result(void);                                      /* of its last call, while it runs */
/* Run, share or unshare: leaves with a request. */
void uv_asks(struct uv_fixture x, u64 nr, u64 page, u64 pages);
