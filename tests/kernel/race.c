/* SPDX-License-Identifier: MIT */
/* See race.h. */
#include "race.h"
#include <quire/log.h>
#include <quire/string.h>
#include <arch-generic/machine.h>

#define MARGIN_NS 200u      /* the sweep begins this long before b and ends this long after it */
#define LEAD_IN 1000u       /* rounds of a loop before b: a deadline that is too near would pass before the turn ends */
#define CLOCK_STEPS 4096u   /* reads of the clock to find its step */
#define FAR_NS 100000u      /* how long b runs undisturbed when it is measured */

static struct {
    const struct race *race;
    u32 sweep;          /* number of this race; a player of another race ends */
    u32 go, done;       /* the round that may begin; the round that has ended */
    u32 idle;           /* instructions before b */
    u32 phase;          /* 0: b hasn't begun, 1: it runs, 2: it has ended */
    u64 seen, began, ended; /* when */
    bool in_turns;
} r;

/* Takes exactly nr instructions more than idle_instructions(0): a test of a bit costs the same for 0 and 1. */
static void __noinline idle_instructions(u32 nr)
{
    const volatile u32 *word = &r.idle;

#define LOADS(count)                                                                               \
    if (nr & (count)) {                                                                            \
        _Pragma("GCC unroll 64") for (unsigned i = 0; i < (count); i++)(void) * word;              \
    }
    LOADS(1) LOADS(2) LOADS(4) LOADS(8) LOADS(16) LOADS(32) LOADS(64)
#undef LOADS
}

/* The CPU of b: one round after the other. */
static void player(void *arg)
{
    u32 sweep = (u32)(u64)arg;

    for (u32 round = 1;; round++) {
        while (READ_ONCE(r.go) < round) /* long_wait_step() would set a timer, which ends a turn */
            if (READ_ONCE(r.sweep) != sweep)
                return;
        r.seen = arch_clock_ns();
        spend(LEAD_IN);
        idle_instructions(r.idle);
        r.began = arch_clock_ns();
        __atomic_store_n(&r.phase, 1, __ATOMIC_RELEASE);
        r.race->b();
        __atomic_store_n(&r.phase, 2, __ATOMIC_RELEASE);
        r.ended = arch_clock_ns();
        __atomic_store_n(&r.done, round, __ATOMIC_RELEASE);
    }
}

/* One round, with the change of CPU n ns after b's CPU was told to go. Returns b's phase when a began. */
static u32 play(u64 n, u32 idle)
{
    u32 round = r.go + 1;

    if (r.race->before)
        r.race->before();
    r.phase = 0;
    r.idle = idle;
    bool irq = irq_save();
    u64 deadline = arch_clock_ns() + n;
    __atomic_store_n(&r.go, round, __ATOMIC_RELEASE);
    arch_timer_set(deadline); /* under -icount this CPU goes on after the deadline */
    r.in_turns &= arch_clock_ns() >= deadline;
    while (arch_clock_ns() < deadline)
        barrier();
    u32 phase = __atomic_load_n(&r.phase, __ATOMIC_ACQUIRE);
    r.race->a();
    irq_restore(irq);
    sched_rearm_timer();
    while (__atomic_load_n(&r.done, __ATOMIC_ACQUIRE) != round)
        thread_sleep_until(arch_clock_ns() + 5000);
    if (r.race->after)
        r.race->after();
    return phase;
}

/* The clock's smallest step: a deadline can't separate instructions within one step. */
static u64 clock_step(void)
{
    u64 step = ~0UL, last = arch_clock_ns();

    for (unsigned i = 0; i < CLOCK_STEPS; i++) {
        u64 now = arch_clock_ns();
        if (now != last)
            step = MIN(step, now - last);
        last = now;
    }
    return step == ~0UL ? 1 : step;
}

static struct race_places one_after_the_other(const struct race *race)
{
    for (unsigned a_first = 0; a_first < 2; a_first++) {
        if (race->before)
            race->before();
        (a_first ? race->a : race->b)();
        (a_first ? race->b : race->a)();
        if (race->after)
            race->after();
    }
    return (struct race_places){.rounds = 2};
}

/*
 * Measure where to sweep and how far, and where b begins, in ns after the other CPU is told to go: by rounds in which a
 * waits until b has ended.
 */
static void measure(u64 *from, u64 *length, u64 *begins)
{
    u64 lead = ~0UL, whole = ~0UL;

    for (unsigned i = 0; i < 3; i++) { /* the first round may have to allocate memory */
        if (r.race->before)
            r.race->before();
        r.idle = 0;
        __atomic_add_fetch(&r.go, 1, __ATOMIC_RELEASE);
        do
            thread_sleep_until(arch_clock_ns() + FAR_NS);
        while (__atomic_load_n(&r.done, __ATOMIC_ACQUIRE) != r.go);
        r.race->a();
        if (r.race->after)
            r.race->after();
        lead = MIN(lead, r.began - r.seen);
        whole = MIN(whole, r.ended - r.seen);
    }
    *begins = lead;
    *from = lead - MIN(lead, (u64)MARGIN_NS);
    *length = whole + MARGIN_NS - *from;
}

struct race_places race_sweep(const struct race *race)
{
    struct crew crew = {0};
    struct race_places places = {0};
    unsigned self = this_cpu()->cpu, most = (unsigned)MAX(test_race_places(race->most ? race->most : RACE_USUAL_PLACES), 1UL);

    if (nr_cpus < 2 || !cpu_area((self + 1) % nr_cpus)->online)
        return one_after_the_other(race);
    u32 sweep = r.sweep + 1;
    memset(&r, 0, sizeof(r));
    r.race = race;
    r.sweep = sweep;
    r.in_turns = true;
    thread_pin((int)self);
    if (!crew_start(&crew, (self + 1) % nr_cpus, player, (void *)(u64)sweep))
        return places;
    crew_wait_started(&crew);

    u64 from, length, begins, step = clock_step();
    measure(&from, &length, &begins);
    u64 stride = DIV_ROUND_UP(length, (u64)most);
    for (u64 at = test_rand() % stride; at < length; at += stride) { /* another seed gives other places */
        u64 offset = from + at;
        /* The deadline is at a whole step of the clock; idle instructions delay b by the rest. */
        u32 phase = play(DIV_ROUND_UP(offset, step) * step, (u32)((step - offset % step) % step));
        places.rounds++;
        places.inside += phase == 1;
        test_gets_ahead();
        if (test_has_failed()) {
            test_diag("wrong when %s came %ld ns after %s began, which %s", race->a_name, (s64)(offset - begins), race->b_name,
                      phase == 0 ? "hadn't begun" : phase == 1 ? "was running" : "had ended");
            break;
        }
    }
    WRITE_ONCE(r.sweep, sweep + 1);
    crew_wait(&crew);
    thread_pin(-1);
    places.in_turns = r.in_turns;
    if (!r.in_turns)
        test_diag("the CPUs don't take turns here: places come as they come, and a pass says little; without PARALLEL=1 they do");
    test_diag("%s against %s: %u places, one in %lu ns of %lu; %u inside", race->a_name, race->b_name, places.rounds, stride,
              length, places.inside);
    return places;
}
