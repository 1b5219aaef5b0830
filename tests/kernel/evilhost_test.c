/* SPDX-License-Identifier: MIT */
/*
 * A malicious host kernel: every call in every state of a guest and of a frame, strange numbers for every argument,
 * calls while the guest runs, and lies as answers. The test itself acts as the guest (uv_guests.h).
 *
 * The allowed calls are written down a second time, in may_change(): the test doesn't use the ultravisor's own table.
 */
#include <quire/direct_map.h>
#include <quire/errno.h>
#include <quire/guest.h>
#include <quire/hole.h>
#include <quire/log.h>
#include <quire/string.h>
#include <quire/test.h>
#include <quire/thread.h>
#include <arch-generic/machine.h>
#include <arch/pgtable.h>
#include <quire/turns.h>
#include "helpers.h"
#include "uv_guests.h"

#define ASKED    7UL /* the page that the guest asks about ... */
#define NR_ASKED 2UL /* ... and the next one */

/* --- the whole state of a guest, for comparison -------------------------------------------------- */
struct picture {
    u64 words[GUEST_PAGES], counts[UV_NR_STATES];
    bool present[GUEST_PAGES];
};

static struct picture before, after;

static void take_picture(struct uv_fixture x, struct picture *p)
{
    for (u64 i = 0; i < GUEST_PAGES; i++) {
        p->words[i] = (u64)uvcall(UV_QUERY, x.folio->pfn + i, 0, 0, 0, 0);
        p->present[i] = direct_map_present(x.folio->pfn + i);
    }
    for (unsigned state = 0; state < UV_NR_STATES; state++)
        p->counts[state] = (u64)uvcall(UV_COUNT, x.id, state, 0, 0, 0);
}

static bool same_as_before(struct uv_fixture x)
{
    take_picture(x, &after);
    return memcmp(&before, &after, sizeof(before)) == 0;
}

/* --- every call in every state ------------------------------------------------------------------- */
enum where { LOADING, READY, SHARE_ASKED, SHARE_TAKEN, SHARE_REFUSED, IN_USE, UNSHARE_ASKED, RUNNING, STOPPED, DEAD, NR_WHERE };
static const char *const where_names[NR_WHERE] = {"loading",     "ready",  "share asked",   "share taken", "share refused",
                                                  "pages in use", "unshare asked", "running", "stopped",     "dead"};

static struct uv_fixture bring(enum where where)
{
    struct uv_fixture x = where == LOADING ? uv_make(false) : uv_make_ready();
    pfn_t asked = x.folio->pfn + ASKED;

    if (where >= SHARE_ASKED && where <= UNSHARE_ASKED)
        uv_asks(x, UVG_SHARE, ASKED, NR_ASKED);
    if (where >= SHARE_TAKEN && where <= UNSHARE_ASKED)
        ASSERT_EQ(uvcall(UV_EXPOSE, x.id, asked, NR_ASKED, 0, 0), NR_ASKED);
    if (where == SHARE_REFUSED)
        ASSERT_EQ(uvcall(UV_REFUSE, x.id, asked, NR_ASKED, 0, 0), NR_ASKED);
    if (where == IN_USE)
        uv_asks(x, UVG_YIELD, 0, 0);
    if (where == UNSHARE_ASKED)
        uv_asks(x, UVG_UNSHARE, ASKED, NR_ASKED);
    if (where == RUNNING)
        ASSERT_EQ(uv_run(x, 0), 0);
    if (where == STOPPED)
        ASSERT_EQ(uvcall(UV_STOP, x.id, 0, 0, 0, 0), 0);
    while (where == DEAD && uvcall(UV_DESTROY, x.id, 0, 0, 0, 0) > 0)
        ;
    return x;
}

static void let_go(struct uv_fixture x, enum where where)
{
    if (where == RUNNING)
        EXPECT(uv_guest_calls(x, UVG_YIELD, 0, 0));
    uv_unmake(x);
}

/* Whether the call may change something in this state. All other calls are refused and change nothing. */
static bool may_change(enum uv_call call, enum where where)
{
    bool asking = where == SHARE_ASKED || where == SHARE_TAKEN || where == SHARE_REFUSED || where == UNSHARE_ASKED;

    switch (call) {
    case UV_EXPOSE:
        return where == SHARE_ASKED;
    case UV_REFUSE:
        return where == SHARE_ASKED || where == SHARE_TAKEN || where == UNSHARE_ASKED;
    case UV_IMPORT:
        return where == LOADING || where == UNSHARE_ASKED;
    case UV_LOAD:
    case UV_DONATE:
    case UV_SEAL:
        return where == LOADING;
    case UV_RUN:
        return where == READY || where == IN_USE || where == SHARE_TAKEN || where == SHARE_REFUSED;
    case UV_STOP:
        return where == LOADING || where == READY || where == IN_USE || asking;
    case UV_DESTROY:
        return where != RUNNING && where != DEAD;
    case UV_RECLAIM:
        return where == DEAD;
    default:
        return false;
    }
}

/* Whether this query, which changes nothing, is allowed in this state. */
static bool may_ask(enum uv_call call, enum where where)
{
    return call == UV_QUERY || (call == UV_COUNT) || (call == UV_DESTROY && where == DEAD) ||
           ((call == UV_NEEDED || call == UV_MEASUREMENT) && where != DEAD) ||
           (call == UV_EXIT && where != DEAD && where != RUNNING && where != LOADING);
}

/* The call about the frames of the two asked pages. */
static s64 call_about(struct uv_fixture x, enum uv_call call)
{
    pfn_t pfn = x.folio->pfn + ASKED;

    switch (call) {
    case UV_LOAD:
        return uvcall(call, x.id, ASKED, pfn, NR_ASKED, ACCESS_READ);
    case UV_IMPORT:
        return uvcall(call, x.id, ASKED, pfn, NR_ASKED, 0);
    case UV_SEAL:
        return uvcall(call, x.id, GUEST_ENTRY, 0, 0, 0);
    case UV_QUERY:
        return uvcall(call, pfn, 0, 0, 0, 0);
    case UV_COUNT:
    case UV_MEASUREMENT:
    case UV_EXIT:
        return uvcall(call, x.id, 1, 0, 0, 0);
    default:
        return uvcall(call, x.id, pfn, NR_ASKED, 0, 0);
    }
}

static void try_all_calls(struct uv_fixture x, enum where where)
{
    take_picture(x, &before);
    for (enum uv_call call = UV_DONATE; call < UV_NR_CALLS; call++) {
        if (may_change(call, where))
            continue;
        s64 result = call_about(x, call), expected = where == RUNNING ? -EBUSY : -EPERM;
        bool fine = may_ask(call, where) ? result >= 0 : result == expected;
        if (call == UV_RUN && where == SHARE_ASKED)
            fine = result == -EBUSY; /* the request must be answered first */
        if (call == UV_RUN && where == UNSHARE_ASKED)
            fine = result == -EBUSY;
        if (!fine || !same_as_before(x))
            test_fail(__FILE__, __LINE__, "call %u about a guest that is %s: %ld%s", call, where_names[where], result,
                      fine ? ", and something has changed" : "");
    }
}

TEST(evilhost, every_call_in_every_state_is_refused_or_does_what_the_table_says)
{
    for (enum where where = 0; where < NR_WHERE; where++) {
        struct uv_fixture x = bring(where);
        try_all_calls(x, where);
        let_go(x, where);
    }
}

TEST(evilhost, every_call_that_is_allowed_is_done)
{
    for (enum where where = 0; where < NR_WHERE; where++)
        for (enum uv_call call = UV_DONATE; call < UV_NR_CALLS; call++) {
            if (!may_change(call, where) || call == UV_RECLAIM || (where == LOADING && (call == UV_SEAL || call == UV_DONATE)))
                continue; /* no entry point yet; and let_go() does UV_RECLAIM, also for donated frames */
            struct uv_fixture x = bring(where);
            s64 result = call_about(x, call);
            if (result < 0)
                test_fail(__FILE__, __LINE__, "call %u about a guest that is %s: %ld", call, where_names[where], result);
            let_go(x, call == UV_RUN ? RUNNING : where);
        }
}

/* --- every shape of argument ---------------------------------------------------------------------- */
static u64 odd_number(struct uv_fixture x)
{
    u64 numbers[] = {0,
                     1,
                     ~0UL,
                     1UL << 63,
                     ~0UL - UV_BATCH + 1,
                     UV_BATCH,
                     UV_BATCH + 1,
                     GUEST_PAGES - 1,
                     GUEST_PAGES,
                     memory.first,
                     memory.end - 1,
                     memory.end,
                     x.folio->pfn,
                     x.folio->pfn + GUEST_PAGES - 1,
                     x.folio->pfn + GUEST_PAGES,
                     address_pfn(x.folio),             /* the kernel's own memory */
                     (u64)(vaddr_t)&before,            /* an address is a number like any other */
                     (u64)folio_address(x.folio),
                     USER_TOP,
                     ASKED};

    return numbers[test_rand() % ARRAY_SIZE(numbers)];
}

TEST(evilhost, odd_numbers_change_nothing)
{
    static const enum uv_call calls[] = {UV_INIT,   UV_DONATE, UV_LOAD, UV_IMPORT, UV_SEAL,        UV_EXPOSE,
                                         UV_REFUSE, UV_EXIT,   UV_QUERY, UV_COUNT,  UV_MEASUREMENT, UV_RECLAIM};
    struct uv_fixture x = bring(IN_USE);

    take_picture(x, &before);
    for (unsigned i = 0; i < 4000; i++) {
        u64 id = i % 4 ? x.id : odd_number(x);
        uvcall(calls[test_rand() % ARRAY_SIZE(calls)], id, odd_number(x), odd_number(x), odd_number(x), odd_number(x));
    }
    EXPECT_EQ(uvcall((enum uv_call)~0u, x.id, 0, 0, 0, 0), -EINVAL);
    EXPECT(same_as_before(x));
    uv_unmake(x);
}

/* The same while the guest waits: only the frames of its request may change, and only in the ways that are allowed to
 * the host. */
TEST(evilhost, odd_answers_touch_only_what_is_asked)
{
    struct uv_fixture x = bring(SHARE_ASKED);

    take_picture(x, &before);
    for (unsigned i = 0; i < 2000; i++) {
        u64 pfn = odd_number(x), nr = odd_number(x);
        if (pfn + nr > x.folio->pfn + ASKED && pfn < x.folio->pfn + ASKED + NR_ASKED)
            continue;
        uvcall(i & 1 ? UV_EXPOSE : UV_REFUSE, x.id, pfn, nr, 0, 0);
    }
    EXPECT(same_as_before(x));
    EXPECT_EQ(uvcall(UV_EXPOSE, x.id, x.folio->pfn + ASKED - 1, 2, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_EXPOSE, x.id, x.folio->pfn + ASKED + 1, 2, 0, 0), -EPERM);
    EXPECT(same_as_before(x));
    uv_unmake(x);
}

/* Pages that were shared earlier aren't part of the guest's request: the host can't change them by refusing it. */
TEST(evilhost, what_was_shared_before_is_not_refused_with_something_else)
{
    struct uv_fixture x = bring(IN_USE);
    pfn_t shared = x.folio->pfn + ASKED;

    uv_asks(x, UVG_SHARE, ASKED + 20, NR_ASKED);
    take_picture(x, &before);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, shared, NR_ASKED, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, shared + 1, 1, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_EXPOSE, x.id, shared, NR_ASKED, 0, 0), -EPERM);
    EXPECT(same_as_before(x));
    EXPECT_EQ(uv_state_at(shared), UV_SHARED);
    uv_unmake(x);
}

TEST(evilhost, memory_that_is_nobodys_to_give_is_refused)
{
    struct uv_fixture x = uv_make(false);
    pfn_t image = PFN_NONE;

    for (pfn_t pfn = memory.first; pfn < memory.end && image == PFN_NONE; pfn++)
        if (memdesc_read(pfn) == memdesc_make_misc(MISC_IMAGE))
            image = pfn;
    ASSERT(image != PFN_NONE);
    EXPECT_EQ(uvcall(UV_DONATE, x.id, image, 0, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, image, 1, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_LOAD, x.id, 0, image, 1, ACCESS_READ), -EPERM);
    /* Frames in a part of the direct map that isn't prepared: refused, and no panic. */
    struct folio *plain = folio_alloc(GUEST_ORDER, 0);
    ASSERT(plain != NULL);
    bool block = direct_map_cover(plain->pfn, GUEST_PAGES).block_frames > 0;
    EXPECT_EQ(block, arch_pt_block_ok(1));
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 0, plain->pfn, 1, 0), block ? -EPERM : 1);
    /* And a frame that is hidden already. */
    direct_map_set(x.folio->pfn + 3, 1, false);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, 3, x.folio->pfn + 3, 1, 0), -EPERM);
    direct_map_set(x.folio->pfn + 3, 1, true);
    uv_unmake(x);
    folio_put(plain);
}

/* --- lies ------------------------------------------------------------------------------------------ */
/* The result that the guest gets when it is entered again with this number. */
static s64 told(struct uv_fixture x, s64 number)
{
    EXPECT_EQ(uv_run(x, (u64)number), 0);
    s64 result = uv_guest_result();
    EXPECT(uv_guest_calls(x, UVG_YIELD, 0, 0));
    return result;
}

TEST(evilhost, what_share_returns_is_not_the_hosts_to_say)
{
    struct uv_fixture x = bring(SHARE_TAKEN);
    EXPECT_EQ(told(x, -EPERM), 0); /* the host says "refused", but has the pages */
    EXPECT_EQ(uv_state_at(x.folio->pfn + ASKED), UV_SHARED);
    uv_unmake(x);

    x = bring(SHARE_REFUSED);
    EXPECT_EQ(told(x, 0), -EPERM);
    EXPECT_EQ(uv_state_at(x.folio->pfn + ASKED), UV_SECURE);
    uv_unmake(x);
}

TEST(evilhost, what_unshare_returns_is_not_the_hosts_to_say)
{
    struct uv_fixture x = bring(UNSHARE_ASKED);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, x.folio->pfn + ASKED, NR_ASKED, 0, 0), NR_ASKED);
    EXPECT_EQ(told(x, 0), -EPERM); /* the host says "done", but still has the pages */
    EXPECT(direct_map_present(x.folio->pfn + ASKED));
    uv_unmake(x);

    x = bring(UNSHARE_ASKED);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, ASKED, x.folio->pfn + ASKED, NR_ASKED, 0), NR_ASKED);
    EXPECT_EQ(told(x, -EPERM), 0);
    EXPECT(!direct_map_present(x.folio->pfn + ASKED));
    uv_unmake(x);
}

TEST(evilhost, no_answer_and_half_an_answer_are_none)
{
    struct uv_fixture x = bring(SHARE_ASKED);
    pfn_t pfn = x.folio->pfn + ASKED;

    EXPECT_EQ(uv_run(x, 0), -EBUSY);
    EXPECT_EQ(uvcall(UV_EXPOSE, x.id, pfn, 1, 0, 0), 1);
    EXPECT_EQ(uv_run(x, 0), -EBUSY);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, pfn + 1, 1, 0, 0), 1);
    EXPECT_EQ(uv_run(x, (u64)-EPERM), -EBUSY); /* neither shared nor secret */
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, pfn, 1, 0, 0), 1);
    EXPECT_EQ(told(x, 0), -EPERM);
    EXPECT(!direct_map_present(pfn) && !direct_map_present(pfn + 1));
    uv_unmake(x);

    x = bring(UNSHARE_ASKED);
    pfn = x.folio->pfn + ASKED;
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, ASKED, pfn, 1, 0), 1);
    EXPECT_EQ(uv_run(x, 0), -EBUSY);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, pfn + 1, 1, 0, 0), 1);
    EXPECT_EQ(told(x, 0), -EPERM); /* the host still has one page */
    uv_unmake(x);
}

TEST(evilhost, refused_frames_are_out_of_the_direct_map_before_they_are_secret)
{
    struct uv_fixture x = bring(SHARE_TAKEN);
    pfn_t pfn = x.folio->pfn + ASKED;

    EXPECT(direct_map_present(pfn));
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, pfn, NR_ASKED, 0, 0), NR_ASKED);
    EXPECT_EQ(uv_state_at(pfn), UV_SECURE);
    EXPECT(!direct_map_present(pfn) && !direct_map_present(pfn + 1));
    EXPECT_EQ(told(x, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, pfn, 1, 0, 0), -EPERM); /* the request is over */
    uv_unmake(x);
}

TEST(evilhost, frames_that_are_lent_to_somebody_are_not_given_back)
{
    struct insecure_mem *hole;
    struct uv_fixture x = bring(SHARE_ASKED);
    pfn_t pfn = x.folio->pfn + ASKED;

    ASSERT_EQ(folio_punch_hole(x.folio, ASKED, NR_ASKED, HOLE_INSECURE, &hole), 0);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, pfn, NR_ASKED, 0, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_EXPOSE, x.id, pfn, NR_ASKED, 0, 0), NR_ASKED);
    EXPECT_EQ(uvcall(UV_REFUSE, x.id, pfn, NR_ASKED, 0, 0), -EPERM);
    EXPECT_EQ(told(x, (s64)-EPERM), 0);
    uv_asks(x, UVG_UNSHARE, ASKED, NR_ASKED);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, ASKED, pfn, NR_ASKED, 0), -EPERM); /* the hole is still there */
    EXPECT_EQ(uv_state_at(pfn), UV_UNSHARING);
    EXPECT_EQ(folio_mend_hole(hole), 0);
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, ASKED + 1, pfn, 1, 0), -EPERM); /* another page */
    EXPECT_EQ(uvcall(UV_IMPORT, x.id, ASKED, pfn, NR_ASKED, 0), NR_ASKED);
    EXPECT_EQ(told(x, -1), 0);
    uv_unmake(x);
}

TEST(evilhost, a_number_of_the_hosts_reaches_the_guest_only_where_it_asks_for_one)
{
    struct uv_fixture x = uv_make_ready();

    EXPECT_EQ(uv_run(x, 77), 0); /* the first run: no call waits for an answer */
    EXPECT_EQ(tf_arg(uv_frame(), 0), GUEST_PAGES);
    EXPECT(uv_guest_calls(x, UVG_YIELD, 5, 0));
    EXPECT_EQ(uvcall(UV_EXIT, x.id, UV_EXIT_LOW, 0, 0, 0), 5);
    EXPECT_EQ(told(x, 78), 78);
    EXPECT_EQ(uv_run(x, 79), 0);
    EXPECT_EQ(uv_guest_result(), 79);
    EXPECT(!uv_guest_calls(x, UVG_PAGES, 0, 0));
    EXPECT_EQ(uv_guest_result(), GUEST_PAGES);
    EXPECT(uv_guest_calls(x, UVG_CONSOLE, GUEST_ENTRY, 0));
    EXPECT_EQ(told(x, 80), 80);
    uv_unmake(x);
}

TEST(evilhost, traps_of_a_guest_that_is_not_running_here_do_nothing)
{
    static struct trapframe other;
    struct uv_fixture x = bring(READY), y = bring(RUNNING);

    take_picture(x, &before);
    bool irq = irq_save();
    tf_set_call(&other, UVG_SHARE, ASKED, 1);
    for (unsigned id = 0; id <= UV_MAX_GUESTS + 1; id++) { /* also y, which runs on another frame */
        EXPECT(uv_guest_trap_call(id, &other));
        EXPECT(uv_guest_trap_fault(id, &other, 0, ACCESS_READ));
        EXPECT(uv_guest_trap_exception(id, &other, EXC_ILLEGAL, 0));
        EXPECT(uv_guest_trap_end(id, &other));
    }
    EXPECT(uv_guest_trap_call(x.id, uv_frame())); /* y's frame */
    irq_restore(irq);
    EXPECT(same_as_before(x));
    EXPECT_EQ(uv_count(y, UV_SHARING), 0);
    EXPECT_EQ(uvcall(UV_DESTROY, y.id, 0, 0, 0, 0), -EBUSY); /* it still runs */
    uv_unmake(x);
    let_go(y, RUNNING);
}

TEST(evilhost, the_end_of_a_thread_inside_is_the_end_of_its_guest)
{
    struct uv_fixture x = bring(RUNNING);

    bool irq = irq_save();
    EXPECT(uv_guest_trap_end(x.id, uv_frame()));
    EXPECT(this_cpu()->active_mm == NULL);
    irq_restore(irq);
    EXPECT_EQ(uv_run(x, 0), -EPERM);
    EXPECT_EQ(uvcall(UV_EXIT, x.id, UV_EXIT_KIND, 0, 0, 0), QUIRE_GUEST_FAULT);
    uv_unmake(x);
}

/* --- two CPUs at once ------------------------------------------------------------------------------ */
static struct {
    struct uv_fixture x;
    u32 stop, wrong, rounds;
} enemy;

/* Calls that must all be refused while the guest runs on another CPU. */
static void attack(void *unused)
{
    static const enum uv_call calls[] = {UV_DONATE, UV_LOAD, UV_IMPORT, UV_SEAL,    UV_EXPOSE, UV_REFUSE,
                                         UV_RUN,    UV_EXIT, UV_STOP,   UV_DESTROY, UV_RECLAIM};
    (void)unused;
    while (!READ_ONCE(enemy.stop)) {
        for (unsigned i = 0; i < ARRAY_SIZE(calls); i++) {
            s64 result = call_about(enemy.x, calls[i]);
            if (result != -EBUSY)
                WRITE_ONCE(enemy.wrong, calls[i] + 1);
        }
        __atomic_fetch_add(&enemy.rounds, 1, __ATOMIC_RELAXED);
        thread_yield();
    }
}

TEST(evilhost, a_running_guest_is_not_stopped_destroyed_or_entered_from_another_cpu)
{
    struct crew crew = {0};

    if (nr_cpus < 2)
        SKIP("needs two CPUs");
    memset(&enemy, 0, sizeof(enemy));
    enemy.x = bring(RUNNING);
    take_picture(enemy.x, &before);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu)
            crew_start(&crew, cpu, attack, NULL);
    crew_wait_started(&crew);
    while (READ_ONCE(enemy.rounds) < 50)
        thread_sleep_until(arch_clock_ns() + 20000);
    WRITE_ONCE(enemy.stop, 1);
    crew_wait(&crew);
    EXPECT_EQ(enemy.wrong, 0);
    EXPECT(same_as_before(enemy.x));
    EXPECT(!uv_guest_calls(enemy.x, UVG_PAGES, 0, 0)); /* and goes on */
    let_go(enemy.x, RUNNING);
}

/* The CPU that made each guest; two CPUs must not get the same guest. */
static u32 owners[UV_MAX_GUESTS + 1];

static void make_and_end(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 150; i++) {
        jitter();
        s64 id = uvcall(UV_CREATE, 64 + i, 0, 0, 0, 0);
        if (id <= 0) {
            WRITE_ONCE(enemy.wrong, 1);
            return;
        }
        u32 others = __atomic_fetch_add(&owners[id], 1, __ATOMIC_SEQ_CST);
        spend(30);
        if (others || uvcall(UV_RECLAIM, (u64)id, 0, 0, 0, 0) != -EPERM || __atomic_sub_fetch(&owners[id], 1, __ATOMIC_SEQ_CST) ||
            uvcall(UV_DESTROY, (u64)id, 0, 0, 0, 0) || uvcall(UV_RECLAIM, (u64)id, 0, 0, 0, 0))
            WRITE_ONCE(enemy.wrong, 2);
    }
}

TEST(evilhost, two_guests_made_at_once_have_two_numbers)
{
    struct crew crew = {0};

    uv_start();
    memset(&enemy, 0, sizeof(enemy));
    memset(owners, 0, sizeof(owners));
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, make_and_end, NULL);
    crew_wait(&crew);
    EXPECT_EQ(enemy.wrong, 0);
}

static u32 inside, entered, most;

static void enter_and_leave(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 300; i++) {
        jitter();
        if (uv_run(enemy.x, 0) == 0) {
            u32 now = __atomic_add_fetch(&inside, 1, __ATOMIC_SEQ_CST);
            if (now > READ_ONCE(most))
                WRITE_ONCE(most, now);
            spend(20);
            __atomic_sub_fetch(&inside, 1, __ATOMIC_SEQ_CST);
            __atomic_add_fetch(&entered, 1, __ATOMIC_SEQ_CST);
            if (!uv_guest_calls(enemy.x, UVG_YIELD, 0, 0))
                WRITE_ONCE(enemy.wrong, 1);
        }
    }
}

TEST(evilhost, a_guest_runs_on_one_cpu_at_a_time)
{
    struct crew crew = {0};

    memset(&enemy, 0, sizeof(enemy));
    inside = entered = most = 0;
    enemy.x = bring(READY);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, enter_and_leave, NULL);
    crew_wait(&crew);
    EXPECT_EQ(most, 1);
    EXPECT(entered > 0);
    EXPECT_EQ(enemy.wrong, 0);
    uv_unmake(enemy.x);
}

/* --- the folio ------------------------------------------------------------------------------------ */
static void mark(void *folio)
{
    guest_mark_secure(folio, true);
    guest_mark_secure(folio, false);
    WRITE_ONCE(enemy.stop, 1);
}

/*
 * A folio's flags have one lock. A change of one flag without the lock may lose another thread's change of another
 * flag.
 */
TEST(evilhost, flags_of_a_folio_wait_for_its_lock)
{
    struct crew crew = {0};

    if (nr_cpus < 2)
        SKIP("needs two CPUs");
    struct folio *f = folio_alloc(0, 0);
    ASSERT(f != NULL);
    memset(&enemy, 0, sizeof(enemy));
    spin_lock(&f->lock);
    crew_start(&crew, this_cpu()->cpu ? 0 : 1, mark, f);
    struct long_wait wait = {0};
    while (!READ_ONCE(crew.started))
        long_wait_step(&wait);
    for (unsigned i = 0; i < 400; i++)
        long_wait_step(&wait);
    long_wait_end(&wait);
    bool waited = !READ_ONCE(enemy.stop) && f->flags == 0;
    spin_unlock(&f->lock);
    crew_wait(&crew);
    EXPECT(waited);
    EXPECT_EQ(enemy.stop, 1);
    folio_put(f);
}
