/* SPDX-License-Identifier: MIT */
/*
 * Threads: where they run, what they are charged, how they sleep and are woken. How threads wait for each other is in
 * sync_test.c.
 */
#include "helpers.h"
#include "../../kernel/sched/hand_over.h"
#include <quire/kvmap.h>
#include <quire/upcalls.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/sync.h>
#include <arch-generic/machine.h>

/* --- threads --------------------------------------------------------------------------- */
static u32 ran_on[MAX_CPUS];

static void note_cpu(void *arg)
{
    (void)arg;
    ran_on[this_cpu()->cpu]++;
}

TEST(sched, a_pinned_thread_runs_on_its_cpu)
{
    struct crew crew = {0};

    memset(ran_on, 0, sizeof(ran_on));
    for (unsigned round = 0; round < 3; round++)
        for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
            crew_start(&crew, cpu, note_cpu, NULL);
    crew_wait(&crew);
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        EXPECT_EQ(ran_on[cpu], cpu_area(cpu)->online ? 3 : 0);
}

static void stay(void *arg)
{
    unsigned cpu = (unsigned)(u64)arg;

    for (unsigned i = 0; i < 8; i++) {
        if (this_cpu()->cpu != cpu)
            test_fail(__FILE__, __LINE__, "a thread pinned to CPU %u runs on CPU %u", cpu,
                      this_cpu()->cpu);
        if (i % 2)
            thread_sleep_until(arch_clock_ns() + 10000);
        else
            thread_yield();
    }
}

TEST(sched, a_pinned_thread_stays_where_it_is)
{
    struct crew crew = {0};

    for (unsigned i = 0; i < 2 * nr_cpus; i++)
        crew_start(&crew, i % nr_cpus, stay, (void *)(u64)(i % nr_cpus));
    crew_wait(&crew);
}

static struct {
    char order[8];
    u32 nr, running;
} log;

static void write_down(void *arg)
{
    log.order[log.nr++] = (char)(u64)arg;
    __atomic_sub_fetch(&log.running, 1, __ATOMIC_ACQ_REL);
}

static void start_here(u64 letter, unsigned priority)
{
    struct thread *t = thread_create("letter", NULL, priority, write_down, (void *)letter);

    ASSERT(t != NULL);
    __atomic_add_fetch(&log.running, 1, __ATOMIC_ACQ_REL);
    thread_start_on(t, this_cpu()->cpu);
}

TEST(sched, higher_priorities_run_first_and_equals_in_turn)
{
    memset(&log, 0, sizeof(log));
    start_here('c', PRIORITY_USER - 1);
    start_here('a', PRIORITY_USER + 1);
    start_here('d', PRIORITY_USER - 2);
    start_here('b', PRIORITY_USER + 1);
    EXPECT_EQ(log.nr, 0); /* kernel code isn't preempted */
    while (__atomic_load_n(&log.running, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + 20000);
    EXPECT(memcmp(log.order, "abcd", 4) == 0);
}

TEST(sched, a_sleeper_wakes_no_earlier_than_it_asked)
{
    for (unsigned i = 1; i < 6; i++) {
        u64 until = arch_clock_ns() + i * 30000;
        thread_sleep_until(until);
        EXPECT(arch_clock_ns() >= until);
        EXPECT(arch_clock_ns() < until + 5000000);
    }
    u64 now = arch_clock_ns();
    thread_sleep_until(0); /* a time in the past: returns at once */
    EXPECT(arch_clock_ns() < now + 5000000);
}

static void sleep_and_log(void *arg)
{
    thread_sleep_until(arch_clock_ns() + (u64)arg % 16 * 200000);
    write_down((void *)('0' + (u64)arg % 16));
}

static struct thread *ages_sleeper;

static void sleep_until(void *deadline)
{
    WRITE_ONCE(ages_sleeper, current_thread());
    thread_sleep_until((u64)deadline);
}

/*
 * A deadline that overflows in a machine's counter would be due at once, for ever: on a machine with one CPU no thread
 * would make progress. On this CPU the test runner's own deadline is nearer, so the bug shows on another CPU, which
 * idles and would be interrupted all the time.
 */
TEST(sched, who_sleeps_for_ages_costs_no_interrupts)
{
    static const u64 deadlines[] = {~0UL - 1, ~0UL - 1000, 1UL << 63, 1UL << 62, 1UL << 60};

    if (nr_cpus == 1)
        SKIP("needs two CPUs");
    for (unsigned i = 0; i < ARRAY_SIZE(deadlines); i++) {
        struct crew crew = {0};
        ages_sleeper = NULL;
        crew_start(&crew, nr_cpus - 1, sleep_until, (void *)deadlines[i]);
        while (!READ_ONCE(ages_sleeper) || READ_ONCE(ages_sleeper->state) != THREAD_BLOCKED)
            thread_sleep_until(arch_clock_ns() + 10000);
        u64 before = counter_read(COUNTER_TIMER_INTERRUPTS);
        thread_sleep_until(arch_clock_ns() + 2 * NS_PER_MS);
        u64 nr = counter_read(COUNTER_TIMER_INTERRUPTS) - before;
        if (nr > 100)
            test_fail(__FILE__, __LINE__, "beside one who sleeps until 0x%lx there are %lu timer interrupts in 2 ms",
                      deadlines[i], nr);
        thread_wake(ages_sleeper);
        crew_wait(&crew);
    }
}

static u32 claimed_goes_on;

static void sleep_and_go_on(void *unused)
{
    (void)unused;
    WRITE_ONCE(ages_sleeper, current_thread());
    thread_sleep_until(~0UL - 1);
    __atomic_store_n(&claimed_goes_on, 1, __ATOMIC_RELEASE);
}

/* Whoever answers a call may find that its caller was killed, has left its process, and waits for something else. */
TEST(sched, a_thread_without_a_process_may_be_claimed)
{
    ages_sleeper = NULL;
    claimed_goes_on = 0;
    struct thread *t = thread_create("leaving", NULL, PRIORITY_USER, sleep_and_go_on, NULL);
    ASSERT(t != NULL);
    thread_start(t);
    while (!READ_ONCE(ages_sleeper) || READ_ONCE(t->state) != THREAD_BLOCKED)
        thread_sleep_until(arch_clock_ns() + 10000);
    bool irq = irq_save(), claimed = sched_claim_anywhere(this_cpu(), t);
    if (claimed)
        sched_unclaim(t);
    irq_restore(irq);
    ASSERT(claimed);
    while (!__atomic_load_n(&claimed_goes_on, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + 10000);
}

TEST(sched, sleepers_wake_in_the_order_of_their_deadlines)
{
    static const u64 delay[] = {3, 1, 4, 2};

    memset(&log, 0, sizeof(log));
    for (unsigned i = 0; i < 4; i++) {
        struct thread *t =
            thread_create("sleeper", NULL, PRIORITY_USER, sleep_and_log, (void *)delay[i]);
        ASSERT(t != NULL);
        log.running++;
        thread_start_on(t, this_cpu()->cpu);
    }
    while (__atomic_load_n(&log.running, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + 50000);
    EXPECT(memcmp(log.order, "1234", 4) == 0);
}

static int make_thread(void *unused)
{
    (void)unused;
    struct thread *t = thread_create("never", NULL, PRIORITY_USER, note_cpu, NULL);
    if (!t)
        return -1;
    thread_discard(t);
    return 0;
}

TEST(sched, a_thread_that_cannot_be_made_leaves_nothing_behind)
{
    with_every_failure(make_thread, NULL);
}

/* --- where threads run ----------------------------------------------------------------- */
#define MS 1000000UL

static struct {
    u32 started, over;
    u64 ran_at_ns, due_ns;
    unsigned ran_on, here;
    bool preempted;
} place;

static void note_place(void *unused)
{
    (void)unused;
    place.ran_at_ns = arch_clock_ns();
    place.ran_on = this_cpu()->cpu;
    __atomic_store_n(&place.over, 1, __ATOMIC_RELEASE);
}

static unsigned online_cpus(void)
{
    unsigned n = 0;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        n += cpu_area(cpu)->online;
    return n;
}

/* no thread waits that long for a CPU: the computation ends then, and the test has failed */
#define LONG_ENOUGH (2000 * MS)

static void compute_until_over(void *unused)
{
    u64 end = arch_clock_ns() + LONG_ENOUGH;

    (void)unused;
    __atomic_add_fetch(&place.started, 1, __ATOMIC_ACQ_REL);
    while (!__atomic_load_n(&place.over, __ATOMIC_ACQUIRE) && arch_clock_ns() < end)
        cpu_relax();
    if (!__atomic_load_n(&place.over, __ATOMIC_ACQUIRE))
        test_fail(__FILE__, __LINE__, "a thread waits for a busy CPU while others idle");
}

static struct wait_queue bed;

static void sleep_there(void *unused)
{
    thread_pin((int)place.here);
    thread_pin(-1);
    __atomic_add_fetch(&place.started, 1, __ATOMIC_ACQ_REL);
    wait_until(&bed, place.due_ns);
    note_place(unused);
}

static void wait_until_over(void)
{
    while (!__atomic_load_n(&place.over, __ATOMIC_ACQUIRE))
        thread_sleep_until(arch_clock_ns() + 100000);
}

static void wait_until_started(u32 nr)
{
    while (__atomic_load_n(&place.started, __ATOMIC_ACQUIRE) < nr)
        thread_sleep_until(arch_clock_ns() + 100000);
}

/* Kernel code isn't preempted: on its old CPU the sleeper would wait for the end of the computation. */
TEST(sched, a_woken_thread_goes_to_an_idle_cpu)
{
    struct crew crew = {0};

    if (online_cpus() < 3)
        SKIP("needs three CPUs");
    memset(&place, 0, sizeof(place));
    wait_queue_init(&bed);
    place.here = (this_cpu()->cpu + 1) % nr_cpus;
    struct thread *t = thread_create("sleeper", NULL, PRIORITY_USER, sleep_there, NULL);
    ASSERT(t != NULL);
    thread_start(t);
    wait_until_started(1);
    /* after the sleeper, which pinned itself there, is off the CPU */
    crew_start(&crew, place.here, compute_until_over, NULL);
    wait_until_started(2);
    place.due_ns = 1;
    wake_all(&bed);
    wait_until_over();
    EXPECT(place.ran_on != place.here);
    crew_wait(&crew);
}

/* All CPUs compute; the CPU that finishes first takes a thread that waits for another CPU. */
static void start_another_and_compute(void *unused)
{
    while (__atomic_load_n(&place.started, __ATOMIC_ACQUIRE) + 1 < online_cpus())
        cpu_relax();
    struct thread *t = thread_create("stolen", NULL, PRIORITY_USER, note_place, NULL);
    if (t)
        thread_start(t);
    __atomic_store_n(&place.due_ns, 1, __ATOMIC_RELEASE);
    compute_until_over(unused);
}

static void compute_until_due(void *unused)
{
    (void)unused;
    __atomic_add_fetch(&place.started, 1, __ATOMIC_ACQ_REL);
    while (!__atomic_load_n(&place.due_ns, __ATOMIC_ACQUIRE))
        cpu_relax();
}

TEST(sched, a_cpu_that_has_nothing_to_do_takes_from_others)
{
    struct crew crew = {0};
    unsigned self = this_cpu()->cpu, first = (self + 1) % nr_cpus, done = (self + 2) % nr_cpus;

    if (online_cpus() < nr_cpus || nr_cpus < 3)
        SKIP("needs three CPUs");
    memset(&place, 0, sizeof(place));
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        crew_start(&crew, cpu, cpu == first  ? start_another_and_compute
                               : cpu == done ? compute_until_due
                                             : compute_until_over, NULL);
    crew_wait(&crew);
    wait_until_over();
    EXPECT_EQ(place.ran_on, done);
}

static void be_preemptible(void *unused)
{
    (void)unused;
    __atomic_add_fetch(&place.started, 1, __ATOMIC_ACQ_REL);
    while (!__atomic_load_n(&place.over, __ATOMIC_ACQUIRE))
        preempt_point();
}

/* How long a more urgent thread waits for a CPU that runs a less urgent one. */
static u64 wait_of_the_urgent(unsigned there)
{
    memset(&place, 0, sizeof(place));
    struct thread *low = thread_create("low", NULL, PRIORITY_USER - 1, be_preemptible, NULL);
    struct thread *high = thread_create("high", NULL, PRIORITY_USER, note_place, NULL);
    ASSERT(low != NULL && high != NULL);
    thread_start_on(low, there);
    wait_until_started(1);
    u64 begin = arch_clock_ns();
    thread_start_on(high, there);
    wait_until_over();
    EXPECT_EQ(place.ran_on, there);
    return place.ran_at_ns - begin;
}

TEST(sched, a_more_urgent_thread_runs_at_once)
{
    u64 best = ~0UL;

    if (online_cpus() < 2)
        SKIP("needs two CPUs");
    for (unsigned i = 0; i < 20 && best >= TIME_SLICE_NS / 2; i++) /* the host may make the machine's CPUs wait */
        best = MIN(best, wait_of_the_urgent((this_cpu()->cpu + 1) % nr_cpus));
    EXPECT(best < TIME_SLICE_NS / 2);
}

static u64 turns_end_ns;

static void take_time(void *count)
{
    while (arch_clock_ns() < turns_end_ns) {
        (*(u64 *)count)++;
        preempt_point();
    }
}

TEST(sched, equals_on_one_cpu_share_its_time)
{
    static u64 count[3];
    struct crew crew = {0};
    u64 sum = 0;

    memset(count, 0, sizeof(count));
    turns_end_ns = arch_clock_ns() + 20 * TIME_SLICE_NS;
    for (unsigned i = 0; i < 3; i++)
        crew_start(&crew, nr_cpus - 1, take_time, &count[i]);
    crew_wait(&crew);
    for (unsigned i = 0; i < 3; i++)
        sum += count[i];
    for (unsigned i = 0; i < 3; i++)
        EXPECT(count[i] > sum / 10);
}

/* --- accounts -------------------------------------------------------------------------- */
TEST(sched, a_thread_is_charged_until_it_is_gone)
{
    static struct process p;
    struct thread *t[2];

    p.quota = quota_create(2 * THREAD_FRAMES + 1);
    ASSERT(p.quota != NULL);
    for (unsigned i = 0; i < 2; i++)
        ASSERT((t[i] = thread_create("charged", &p, PRIORITY_USER, note_cpu, NULL)) != NULL);
    EXPECT_EQ(quota_used(p.quota), 2 * THREAD_FRAMES);
    EXPECT(thread_create("refused", &p, PRIORITY_USER, note_cpu, NULL) == NULL);
    for (unsigned i = 0; i < 2; i++)
        thread_discard(t[i]);
    EXPECT_EQ(quota_used(p.quota), 0);
    quota_put(p.quota);
}

static void *stacks[200];

/* More stacks than are kept: their frames and slots come back. */
TEST(sched, stacks_come_and_go)
{
    vaddr_t highest = 0;

    for (unsigned round = 0; round < 3; round++) {
        u64 kept = kstack_cached_frames();
        for (unsigned i = 0; i < ARRAY_SIZE(stacks); i++) {
            ASSERT((stacks[i] = kstack_alloc()) != NULL);
            *((u64 *)stacks[i] - 1) = i;
        }
        vaddr_t top = (vaddr_t)stacks[ARRAY_SIZE(stacks) - 1];
        EXPECT(!round || top <= highest);
        highest = MAX(highest, top);
        for (unsigned i = 0; i < ARRAY_SIZE(stacks); i++)
            EXPECT_EQ(*((u64 *)stacks[i] - 1), i);
        for (unsigned i = 0; i < ARRAY_SIZE(stacks); i++)
            kstack_free(stacks[i]);
        EXPECT(kstack_cached_frames() <= kept + 32 * 4 + 8);
    }
}

static void never_runs(void *unused) { (void)unused; }

/* The runner compares the books: a thread that can't be made leaves nothing behind. */
TEST(sched, a_thread_without_memory_costs_nothing)
{
    unsigned nr = ARRAY_SIZE(stacks) / 2, failed = 0;

    for (unsigned i = 0; i < nr; i++) /* so no kept stack is left */
        ASSERT((stacks[i] = kstack_alloc()) != NULL);
    for (u64 n = 1; n <= 4; n++) { /* the descriptor, and the parts of its stack; the table mostly exists already */
        fail_nth(n);
        struct thread *t = thread_create("never", NULL, PRIORITY_USER, never_runs, NULL);
        EXPECT((fail_nth(0) == 0) == !t);
        failed += !t;
        if (t)
            thread_discard(t);
    }
    EXPECT(failed >= 2);
    for (unsigned i = 0; i < nr; i++)
        kstack_free(stacks[i]);
}

/* When many stacks are in use, their slots lie side by side; a stack that fails in between leaves no gap. */
TEST(sched, a_failed_stack_costs_no_slot)
{
    unsigned nr = ARRAY_SIZE(stacks) / 2;

    for (unsigned i = 0; i < nr; i++)
        ASSERT((stacks[i] = kstack_alloc()) != NULL);
    for (unsigned i = 0; i < 3; i++) {
        fail_nth(1);
        EXPECT(kstack_alloc() == NULL);
        fail_nth(0);
    }
    stacks[nr] = kstack_alloc();
    EXPECT_EQ((vaddr_t)stacks[nr] - (vaddr_t)stacks[nr - 1], 2 * KSTACK_SIZE);
    for (unsigned i = 0; i <= nr; i++)
        kstack_free(stacks[i]);
}

TEST(sched, a_process_runs_the_program_that_it_is_named_after)
{
    static struct process p = {.name = "a_name_that_fills_all_the_room"};

    EXPECT(process_runs(&p, "tests/a_name_that_fills_all_the_room"));
    EXPECT(process_runs(&p, "a_name_that_fills_all_the_room"));
    EXPECT(!process_runs(&p, "tests/a_name_that_fills_all_the"));
    EXPECT(!process_runs(&p, "a_name_that_fills_all_the_room/sh"));
    strlcpy(p.name, "one_name_is_longer_than_a_process_can_say", sizeof(p.name));
    EXPECT(process_runs(&p, "tests/one_name_is_longer_than_a_process_can_say"));
    EXPECT(!process_runs(&p, "tests/one_name"));
}

/* --- interrupting ---------------------------------------------------------------------- */
static struct wait_queue quiet_queue;
static u32 looks;

static bool look(void)
{
    looks++;
    return looks > 2;
}

static void wait_quietly(void *unused)
{
    (void)unused;
    wait_until(&quiet_queue, look());
    __atomic_store_n(&place.over, 1, __ATOMIC_RELEASE);
}

/* A thread is interrupted before it waits, while it waits, and when it runs again. It checks each time, and is never
 * queued twice. */
TEST(sched, only_one_who_waits_is_woken)
{
    memset(&place, 0, sizeof(place));
    wait_queue_init(&quiet_queue);
    looks = 0;
    struct thread *t = thread_create("quiet", NULL, PRIORITY_USER, wait_quietly, NULL);
    ASSERT(t != NULL);
    EXPECT(!thread_wake(t)); /* it hasn't begun */
    thread_start_on(t, this_cpu()->cpu);
    EXPECT(!thread_wake(t)); /* it is queued */
    thread_sleep_until(arch_clock_ns() + MS);
    EXPECT_EQ(looks, 1);
    EXPECT(thread_wake(t));
    EXPECT(!thread_wake(t)); /* queued again */
    thread_sleep_until(arch_clock_ns() + MS);
    EXPECT_EQ(looks, 2);
    thread_interrupt(t);
    wait_until_over();
    EXPECT(!thread_wake(current_thread()));
}
