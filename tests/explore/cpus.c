/* SPDX-License-Identifier: MIT */
/*
 * CPUs as coroutines: one runs at a time, and another goes on only in cpus_place() and cpus_wait(), or when a CPU's
 * operation has ended.
 */
#include "explore.h"
#include "../native/machine/machine.h"
#include "../native/play/check.h"
#include "../native/play/story.h"
#include <string.h>
#include <ucontext.h>

#define STACK_BYTES (128 * KiB)
#define CIRCLES     6000u /* places that a CPU may pass alone; more of them count as an endless loop */
#define LOOKS_MAX   2000000u
#define PLACES_MAX  2000000u /* a schedule with more places is taken for an endless one */

bool exploring;
unsigned running;
u64 places_passed;
unsigned changes_made;
struct call_stack calls[OPERATIONS_MAX];

static u8 stacks[OPERATIONS_MAX][STACK_BYTES] __attribute__((aligned(64)));
static ucontext_t contexts[OPERATIONS_MAX], home, escape;
static bool through[OPERATIONS_MAX];
static const struct schedule *playing;
static const operation_fn *functions;
static long *values;
static u64 alone_since; /* places_passed when this CPU went on */
static u64 progress, progress_at_wait;
static unsigned waits; /* waits in a row without any progress */
static u64 looks;      /* of cpu_relax() */

bool cpus_on_stack(const void *at)
{
    return (u64)at - (u64)stacks < sizeof(stacks) || thread_stack_has(at);
}

static void be(unsigned cpu)
{
    running = cpu;
    cpu_play(cpu);
    alone_since = places_passed;
}

static void go_on(unsigned cpu)
{
    unsigned before = running;

    if (aloud)
        report_goes_on(cpu);
    be(cpu);
    swapcontext(&contexts[before], &contexts[cpu]);
}

/* The next CPU behind the running one in the schedule's order; the running CPU itself if no other is left. */
static unsigned next_cpu(void)
{
    unsigned at = 0;

    while (playing->order[at] != running)
        at++;
    for (unsigned i = 1; i <= playing->nr_cpus; i++) {
        unsigned cpu = playing->order[(at + i) % playing->nr_cpus];
        if (!through[cpu])
            return cpu;
    }
    return running;
}

void cpus_progress(void) { progress++; }

void cpus_wait(const char *what)
{
    CHECK(exploring, "outside of operations every lock is free", "%s is waited for", what);
    waits = progress == progress_at_wait ? waits + 1 : 1;
    progress_at_wait = progress;
    unsigned next = next_cpu();
    CHECK(next != running && waits <= 3 * playing->nr_cpus,
          "whoever waits is let go on by somebody: a lock is never let go, or two are taken in two orders",
          "every CPU that isn't through waits; CPU %u for %s", running, what);
    if (aloud)
        report_stops(what);
    go_on(next);
}

void cpus_relax(void)
{
    CHECK(++looks < LOOKS_MAX, "whoever looks again and again finds something new or gives up", "CPU %u looks for ever",
          running);
    unsigned next = next_cpu();
    if (next == running)
        return;
    if (aloud)
        report_stops("it looks again");
    go_on(next);
}

void cpus_place(void)
{
    CHECK(places_passed < PLACES_MAX, "an operation comes to its end", "after %u accesses none is in sight",
          PLACES_MAX);
    if (changes_made < playing->nr_changes && playing->change[changes_made].place == places_passed) {
        unsigned to = playing->nr_cpus == 2 ? !running : playing->change[changes_made].to;
        changes_made++;
        if (!through[to] && to != running) {
            if (aloud)
                report_stops("");
            go_on(to);
        }
    } else if (places_passed - alone_since > CIRCLES && next_cpu() != running) {
        if (aloud)
            report_stops("it goes round in circles");
        go_on(next_cpu());
    }
}

void cpus_through(void)
{
    through[running] = true;
    progress++;
    if (aloud)
        report_result(values[running]);
    unsigned next = next_cpu();
    if (through[next])
        setcontext(&home);
    if (aloud)
        report_goes_on(next);
    be(next);
    setcontext(&contexts[next]);
    __builtin_unreachable();
}

static void body(void)
{
    values[running] = functions[running]();
    cpus_through();
}

void cpus_give_up(void)
{
    exploring = false;
    setcontext(&escape);
    __builtin_unreachable();
}

void story_over(void) { cpus_give_up(); }

bool cpus_try(void (*fn)(void))
{
    volatile bool begun = false, ended = false;

    getcontext(&escape);
    if (!begun) {
        begun = true;
        fn();
        ended = true;
    }
    exploring = false;
    running = 0;
    return ended;
}

void cpus_run(const struct schedule *s, const operation_fn *operations, long *results)
{
    volatile bool begun = false;

    playing = s;
    functions = operations;
    values = results;
    places_passed = progress = progress_at_wait = 0;
    changes_made = waits = 0;
    locks_begin();
    looks = 0;
    for (unsigned cpu = 0; cpu < s->nr_cpus; cpu++) {
        through[cpu] = false;
        calls[cpu].depth = 0;
        getcontext(&contexts[cpu]);
        contexts[cpu].uc_stack.ss_sp = stacks[cpu];
        contexts[cpu].uc_stack.ss_size = STACK_BYTES;
        makecontext(&contexts[cpu], body, 0);
    }
    getcontext(&home);
    if (!begun) {
        begun = true;
        if (aloud)
            report_goes_on(s->order[0]);
        be(s->order[0]);
        exploring = true;
        setcontext(&contexts[s->order[0]]);
    }
    exploring = false;
    running = 0;
    cpu_play(0);
}
