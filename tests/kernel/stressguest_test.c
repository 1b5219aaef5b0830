/* SPDX-License-Identifier: MIT */
/*
 * The ultravisor under CPUs that really run at the same time (one host thread each, no -icount): guests made, entered,
 * asked, answered, attacked and ended by all of them at once. Work is counted, never timed.
 */
#include <quire/direct_map.h>
#include <quire/errno.h>
#include <quire/string.h>
#include <quire/test.h>
#include <quire/thread.h>
#include <arch-generic/machine.h>
#include "helpers.h"
#include "uv_guests.h"

#define ASK_FROM 8UL
#define ASK_MAX  4UL /* pages of one request */

static struct {
    struct uv_fixture x;
    u32 wrong;   /* source line of the first failed check */
    u32 entered, ended;
    u64 asked_page, asked_nr; /* by the thread that was inside last; 0: nothing is asked */
    bool asked_share;
} work;

#define CHECK(cond)                                                                                \
    do {                                                                                           \
        if (!(cond) && !READ_ONCE(work.wrong))                                                     \
            WRITE_ONCE(work.wrong, __LINE__);                                                      \
    } while (0)

static u64 next_random(u64 *state)
{
    *state = *state * 6364136223846793005UL + 1442695040888963407UL; /* Knuth, MMIX */
    return *state >> 33;
}

/* The argument is the CPU's number plus 1. */
static void on_all_cpus(void (*fn)(void *))
{
    struct crew crew = {0};

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, fn, (void *)(u64)(cpu + 1));
    while (__atomic_load_n(&crew.running, __ATOMIC_ACQUIRE)) /* rarely true for long: this CPU has had work too */
        thread_sleep_until(arch_clock_ns() + 2000000);
    if (work.wrong)
        test_fail(__FILE__, (int)work.wrong, "this didn't hold");
}

/* --- made and ended everywhere --------------------------------------------------------------------- */
static u32 owners[UV_MAX_GUESTS + 1];

static void make_and_end(void *unused)
{
    (void)unused;
    for (unsigned i = 0; i < 3000; i++) {
        s64 id = uvcall(UV_CREATE, 64, 0, 0, 0, 0);
        CHECK(id > 0);
        if (id <= 0)
            return;
        CHECK(__atomic_fetch_add(&owners[id], 1, __ATOMIC_SEQ_CST) == 0);
        CHECK(uvcall(UV_COUNT, (u64)id, UV_SECURE, 0, 0, 0) == 0);
        __atomic_sub_fetch(&owners[id], 1, __ATOMIC_SEQ_CST);
        CHECK(uvcall(UV_DESTROY, (u64)id, 0, 0, 0, 0) == 0);
        CHECK(uvcall(UV_RECLAIM, (u64)id, 0, 0, 0, 0) == 0);
    }
}

TEST(stressguest, two_guests_made_at_once_have_two_numbers)
{
    uv_start();
    memset(&work, 0, sizeof(work));
    memset(owners, 0, sizeof(owners));
    on_all_cpus(make_and_end);
}

/* --- one guest, many CPUs -------------------------------------------------------------------------- */
/* While the guest runs here nobody can change its frames, so the answer that it got must be true. */
static void look_inside(void)
{
    s64 result = uv_guest_result();

    for (u64 i = 0; i < work.asked_nr; i++) {
        pfn_t pfn = work.x.folio->pfn + work.asked_page + i;
        enum uv_state state = uv_state_at(pfn);
        CHECK(state == UV_SECURE || state == UV_SHARED);
        CHECK(direct_map_present(pfn) == (state == UV_SHARED));
        if (work.asked_share)
            CHECK(state == (result == 0 ? UV_SHARED : UV_SECURE));
        else if (result == 0)
            CHECK(state == UV_SECURE);
    }
    work.asked_nr = 0;
}

static void play_guest(u64 *random)
{
    u64 page = ASK_FROM + next_random(random) % 32, nr = 1 + next_random(random) % ASK_MAX;
    bool share = next_random(random) % 2;

    __atomic_add_fetch(&work.entered, 1, __ATOMIC_RELAXED);
    look_inside();
    if (next_random(random) % 4 == 0) {
        CHECK(uv_guest_calls(work.x, UVG_YIELD, 1, 0));
        return;
    }
    /* Written before the guest is left: afterwards another CPU may be inside. */
    work.asked_page = page;
    work.asked_nr = nr;
    work.asked_share = share;
    if (uv_guest_calls(work.x, share ? UVG_SHARE : UVG_UNSHARE, page, nr))
        return;
    CHECK(uv_guest_result() == -EINVAL);
    work.asked_nr = 0;
    CHECK(uv_guest_calls(work.x, UVG_YIELD, 1, 0));
}

static void play_host(u64 *random)
{
    static const enum uv_call answers[] = {UV_EXPOSE, UV_REFUSE, UV_IMPORT, UV_EXIT, UV_COUNT, UV_LOAD, UV_DONATE};
    enum uv_call call = answers[next_random(random) % ARRAY_SIZE(answers)];
    u64 page = ASK_FROM + next_random(random) % 32, nr = 1 + next_random(random) % ASK_MAX;
    pfn_t pfn = work.x.folio->pfn + page;

    if (call == UV_IMPORT || call == UV_LOAD)
        uvcall(call, work.x.id, page, pfn, nr, ACCESS_READ);
    else
        uvcall(call, work.x.id, call == UV_EXIT || call == UV_COUNT ? 1 : pfn, nr, 0, 0);
}

/* Answer the whole request, whatever other CPUs have decided meanwhile. */
static void decide(void)
{
    for (u64 page = ASK_FROM; page < ASK_FROM + 32 + ASK_MAX; page++)
        if (uvcall(UV_IMPORT, work.x.id, page, work.x.folio->pfn + page, 1, 0) < 0)
            uvcall(UV_REFUSE, work.x.id, work.x.folio->pfn + page, 1, 0, 0);
}

static void enter_and_answer(void *seed)
{
    u64 random = (u64)seed;

    for (unsigned i = 0; i < 2000; i++) {
        if (uv_run(work.x, next_random(&random)) == 0)
            play_guest(&random);
        for (unsigned k = next_random(&random) % 8; k; k--)
            play_host(&random);
        if (i % 32 == 0)
            decide();
    }
}

TEST(stressguest, one_guest_is_entered_asked_and_answered_by_all_cpus)
{
    memset(&work, 0, sizeof(work));
    work.x = uv_make_ready();
    on_all_cpus(enter_and_answer);
    EXPECT(work.entered > 0);
    u64 all = 0;
    for (unsigned state = 0; state < UV_NR_STATES; state++)
        all += state == UV_OWN ? 0 : uv_count(work.x, state);
    EXPECT_EQ(all, GUEST_PAGES);
    uv_unmake(work.x);
}

/* --- attacked while it is made and runs ------------------------------------------------------------ */
#define GUESTS_PER_CPU 6

static void make_run_and_end(void *arg)
{
    u64 random = (u64)arg;

    for (unsigned i = 0; i < GUESTS_PER_CPU; i++) {
        bool ready;
        struct uv_fixture x = uv_try_make_ready(&ready);
        for (unsigned k = 0; ready && k < 50 && uv_run(x, 0) == 0; k++) {
            spend(next_random(&random) % 2000);
            CHECK(uv_state_at(x.folio->pfn + 1) == UV_SECURE); /* this CPU is inside, so nobody has ended it */
            CHECK(!direct_map_present(x.folio->pfn + 1));
            CHECK(uv_guest_calls(x, UVG_YIELD, 0, 0));
            __atomic_add_fetch(&work.entered, 1, __ATOMIC_RELAXED);
        }
        uv_unmake(x);
        thread_yield();
    }
    __atomic_add_fetch(&work.ended, 1, __ATOMIC_RELEASE);
}

/* Until the other CPUs are done. Without UV_RECLAIM, because this thread would have to free the frames. */
static void end_any(void *arg)
{
    static const enum uv_call calls[] = {UV_STOP, UV_DESTROY, UV_EXIT, UV_MEASUREMENT, UV_COUNT, UV_SEAL};
    u64 random = (u64)arg * 77;

    while (__atomic_load_n(&work.ended, __ATOMIC_ACQUIRE) < (nr_cpus + 1) / 2) {
        uvcall(calls[next_random(&random) % ARRAY_SIZE(calls)], 1 + next_random(&random) % UV_MAX_GUESTS, 1, 0, 0, 0);
        thread_sleep_until(arch_clock_ns() + next_random(&random) % 1000000);
    }
}

static void make_or_attack(void *arg)
{
    if ((u64)arg % 2) /* CPUs 0, 2, ... */
        make_run_and_end(arg);
    else
        end_any(arg);
}

TEST(stressguest, guests_are_ended_under_those_who_make_and_run_them)
{
    memset(&work, 0, sizeof(work));
    on_all_cpus(make_or_attack);
}
