/* SPDX-License-Identifier: MIT */
/*
 * One test: its threads, its time, and the books before and after it.
 *
 * A test runs in a thread on the runner's own CPU, CPU 0. So tests know which CPUs are free for their helpers. And the
 * runner's deadline is a timer interrupt of that CPU, so a test that loops for ever with interrupts on is stopped
 * there. The runner sleeps until the test says that it is done, or until the deadline; the thread of a
 * test that waits for something that never comes is left behind.
 */
#include "../../kernel/sched/runqueue.h"
#include "runner.h"
#include <quire/guest.h>
#include <quire/kvmap.h>
#include <quire/ksyms.h>
#include <quire/memory_init.h>
#include <quire/plural.h>
#include <quire/printf.h>
#include <quire/slab.h>
#include <quire/spinlock.h>
#include <quire/code_events.h>
#include <quire/string.h>
#include <quire/thread.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#define MOST_ROUNDS 10000u
#define DEFAULT_LIMIT_MS 500
#define SETTLE_NS (5000 * NS_PER_MS) /* a CPU that is busy for longer does something that never ends */

struct run_options run_options = {.limit_ns = DEFAULT_LIMIT_MS * NS_PER_MS};
struct run_threads run_threads;
struct run_time run_time;

static u32 busy; /* tests run now */

static u64 counters_before[COUNTER_COUNT];
static u64 random_state; /* never 0 */
static bool leak_allowed;

bool test_running(void) { return busy; }
bool run_take(void) { return !__atomic_exchange_n(&busy, 1, __ATOMIC_ACQUIRE); }
void run_let_go(void) { __atomic_store_n(&busy, 0, __ATOMIC_RELEASE); }

/* --- what a test may ask and do ----------------------------------------------------------------- */
u64 test_race_places(u64 usual) { return run_options.race_places ? run_options.race_places : usual; }

void test_gets_ahead(void)
{
    if (run_time.rounds++ < MOST_ROUNDS)
        run_time.deadline_ns = arch_clock_ns() + run_options.limit_ns;
}

/* xorshift64* (Vigna 2016) */
u64 test_rand(void)
{
    u64 x = random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random_state = x;
    return x * 0x2545f4914f6cdd1dUL;
}

u64 test_count(enum counter c) { return counter_read(c) - counters_before[c]; }

void test_allow_leak(const char *why)
{
    leak_allowed = true;
    (void)why;
}

void __noreturn run_end(void)
{
    if (current_thread() != run_threads.test)
        thread_exit();
    run_threads.done = true;
    if (run_threads.runner)
        thread_wake(run_threads.runner);
    thread_exit();
}

void __noreturn test_abort(void)
{
    if (locks_held()) {
        test_diag("the test ended holding %u lock%s: the machine can't go on", locks_held(), plural(locks_held()));
        test_diag("held: %s", locks_text());
        report_and_power_off();
    }
    if (!report_is_skip())
        test_runner_fail();
    run_end();
}

void __noreturn test_skip(const char *reason)
{
    report_skip(reason);
    run_end();
}

/* --- books ------------------------------------------------------------------------------------- */
static struct books read_books(void)
{
    return (struct books){memory_available_frames() + guest_uv_frames(), slab_objects_in_use() - kstack_tables()};
}

static bool same_books(struct books a, struct books b) { return a.frames == b.frames && a.objects == b.objects; }

/* Whether a thread other than the caller is queued or runs there. While the lock is held, a chosen thread is either. */
static bool has_work(unsigned cpu)
{
    struct runqueue *rq = &runqueues[cpu];
    bool irq = irq_save();

    rq_lock(rq);
    bool work = rq->nr_queued || (cpu != this_cpu()->cpu && READ_ONCE(cpu_area(cpu)->current) != rq->idle);
    rq_unlock(rq);
    irq_restore(irq);
    return work;
}

/*
 * Every other CPU idles, no thread is queued, and none is ending. True at the moment of the look only: sleepers and
 * interrupts go on.
 */
static bool machine_is_quiet(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu_area(cpu)->online && has_work(cpu))
            return false;
    return !threads_are_ending();
}

/*
 * Processes and threads that have been waited for may not be freed yet, and on a busy host a CPU of this machine may
 * stand still for long. So time alone doesn't decide: as long as a CPU has work, the books may still change. `quiet` is
 * asked before the books are read: else what ends between the two is missing in books that seem to be the last.
 */
static bool may_change(bool quiet, unsigned tries, u64 since_ns)
{
    return tries < 20 || (!quiet && arch_clock_ns() - since_ns < SETTLE_NS);
}

struct books run_settled_books(void)
{
    struct books before, now = read_books();
    u64 since_ns = arch_clock_ns();
    bool more = true, quiet;

    for (unsigned tries = 0; more; tries++) {
        thread_sleep_until(arch_clock_ns() + NS_PER_MS / 10);
        quiet = machine_is_quiet();
        before = now;
        now = read_books();
        more = may_change(quiet, tries, since_ns) && !(quiet && same_books(now, before));
    }
    return now;
}

void run_compare_books(struct books before)
{
    struct books after = {0};
    u64 since_ns = arch_clock_ns();
    bool more = true;

    /* The clean-up of ended processes and dead threads may take a moment. */
    for (unsigned tries = 0; more; tries++) {
        more = may_change(machine_is_quiet(), tries, since_ns);
        after = read_books();
        if (same_books(after, before))
            return;
        thread_sleep_until(arch_clock_ns() + NS_PER_MS);
    }
    if (leak_allowed)
        return;
    test_runner_fail();
    test_diag("leak: available frames %lu before, %lu after; kernel objects %lu before, %lu after", before.frames,
              after.frames, before.objects, after.objects);
    test_diag("likely: something taken in this test was never given back (or was given back twice)");
}

/* --- one test of the kernel -------------------------------------------------------------------- */
void run_begin(u64 number, const char *name, const char *file, u64 line)
{
    run_threads = (struct run_threads){.runner = current_thread()};
    report_begin(&(struct test_id){number, name, file, line, run_options.seed});
    code_forget();
    leak_allowed = false;
    random_state = run_options.seed * 0x9e3779b97f4a7c15UL + 1;
    for (unsigned c = 0; c < COUNTER_COUNT; c++)
        counters_before[c] = counter_read(c);
    lock_time_begin(run_options.lock_limit_ns != 0);
    run_time = (struct run_time){.deadline_ns = arch_clock_ns() + run_options.limit_ns};
}

static void run_case(void *arg)
{
    const struct test_case *test = arg;

    test->fn();
    if (locks_held()) {
        test_diag("the test returned holding %u lock%s: %s", locks_held(), plural(locks_held()), locks_text());
        report_and_power_off();
    }
    run_end();
}

static void wait_for_test(void)
{
    while (!READ_ONCE(run_threads.done) && arch_clock_ns() < run_time.deadline_ns)
        thread_sleep_until(run_time.deadline_ns);
    if (READ_ONCE(run_threads.done))
        return;
    test_runner_fail();
    test_allow_leak("what it holds is lost");
    test_diag("hang: not finished after %lu ms of guest time; it waits for something that never comes",
              run_options.limit_ns / NS_PER_MS);
}

/*
 * Suites named stress* run in the host's time: there a lock seems to be held while another program has the host's CPU.
 */
void run_check_lock_times(const char *name)
{
    struct lock_time longest = lock_time_longest();
    char where[SYMBOL_TEXT];

    if (!run_options.lock_limit_ns || longest.ns <= run_options.lock_limit_ns || strncmp(name, "stress", 6) == 0)
        return;
    test_runner_fail();
    test_diag("a spinlock was held for %lu us, which is more than %lu; it was taken in %s", longest.ns / 1000,
              run_options.lock_limit_ns / 1000, symbol_text(longest.pc, where));
    test_diag("likely: a loop under it whose length somebody chose; do it in pieces, or before the lock is taken");
}

void run_kernel_test(const struct test_case *test, u64 number)
{
    char name[MAX_NAME];

    snprintf(name, sizeof(name), "%s.%s", test->suite, test->name);
    struct books before = run_settled_books();
    run_begin(number, name, test->file, test->line);
    run_threads.test = thread_create("test", NULL, PRIORITY_USER, run_case, (void *)test);
    if (!run_threads.test) {
        test_runner_fail();
        test_diag("no memory for the test's thread");
    } else {
        thread_start_on(run_threads.test, this_cpu()->cpu);
        wait_for_test();
        run_check_lock_times(name);
        run_compare_books(before);
    }
    report_test();
}
