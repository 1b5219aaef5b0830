/* SPDX-License-Identifier: MIT */
/*
 * Who gets how much of the CPUs, and when, as programs see it. All bounds are in guest time or in work that was done,
 * so a slow host changes nothing.
 */
#include "threads.h"

#define MS      1000000l /* in nanoseconds */
#define SLICE   (10 * MS)
#define LATENCY (MS / 2)
#define TURN    (8 * MS / 10) /* where QEMU lets its CPUs take turns, each may have two such turns before */
#define MOST    12

static long now(void) { return quire_call(clock); }

static long ends_at;
static unsigned long work[MOST];
static unsigned cpus_seen[MOST];
static int begun;

static int count_cpus(void)
{
    int n = 0;

    while (n < 64 && quire_call(cpu_pin, n) == 0)
        n++;
    quire_call(cpu_pin, -1);
    return n;
}

static void *do_work(void *number)
{
    long i = (long)number;

    ADD(begun, 1);
    while (now() < ends_at) {
        for (volatile int j = 0; j < 200; j++)
            ;
        work[i]++;
        cpus_seen[i] |= 1u << quire_call(cpu);
    }
    return NULL;
}

/*
 * Fair: so many equal threads, more than CPUs and no multiple of them, get the same time each, but for a third; on four
 * CPUs those that shared a CPU for ever would get half of what the others get.
 */
TEST(schedule, equal_threads_get_equal_time)
{
    int cpus = count_cpus(), nr = cpus + (cpus + 1) / 2;
    unsigned long least = ~0ul, most = 0;
    pthread_t t[MOST];

    ends_at = now() + 36 * SLICE;
    start(t, nr, do_work);
    join(t, nr);
    for (int i = 0; i < nr; i++) {
        least = work[i] < least ? work[i] : least;
        most = work[i] > most ? work[i] : most;
    }
    if (least * 3 < most * 2)
        test_fail(__FILE__, __LINE__, "of %d threads on %d CPUs one did %lu pieces of work, another %lu", nr, cpus,
                  most, least);
}

/* Balanced: threads that all become ready on one CPU are on all CPUs soon. */
static uint32_t gate;

static void *wait_there_and_work(void *number)
{
    quire_call(cpu_pin, 0);
    quire_call(cpu_pin, -1);
    ADD(begun, 1);
    while (!LOAD(gate))
        quire_call(futex_wait, &gate, 0, 0);
    return do_work(number);
}

TEST(schedule, no_cpu_idles_while_threads_wait)
{
    int cpus = count_cpus();
    unsigned seen = 0;
    pthread_t t[MOST];

    start(t, cpus, wait_there_and_work);
    while (LOAD(begun) < cpus)
        usleep(1000);
    usleep(1000);
    ends_at = now() + 4 * SLICE;
    STORE(gate, 1);
    EXPECT_EQ(quire_call(futex_wake, &gate, ~0ul), cpus);
    join(t, cpus);
    for (int i = 0; i < cpus; i++)
        seen |= cpus_seen[i];
    EXPECT_EQ(seen, (1u << cpus) - 1);
}

/*
 * Urgent: a thread that is more urgent than all others runs soon after its time has come, however many others compute.
 */
TEST(schedule, an_urgent_thread_runs_soon)
{
    int cpus = count_cpus(), nr = 2 * cpus < MOST ? 2 * cpus : MOST;
    long worst = 0;
    pthread_t t[MOST];

    ends_at = now() + 30 * SLICE;
    start(t, nr, do_work);
    while (LOAD(begun) < nr)
        usleep(1000);
    EXPECT(quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX) >= 0);
    for (int i = 0; i < 20; i++) {
        long due = now() + MS / 4;
        quire_call(sleep, MS / 4);
        worst = now() - due > worst ? now() - due : worst;
    }
    if (worst > LATENCY + (cpus > 1 ? 2 * cpus : 0) * TURN)
        test_fail(__FILE__, __LINE__, "an urgent thread ran %ld us after its time had come", worst / 1000);
    STORE(ends_at, 0);
    join(t, nr);
}

/* A less urgent thread gets nothing while more urgent ones compute, and all when they have ended. */
TEST(schedule, less_urgent_threads_wait)
{
    int cpus = count_cpus();
    pthread_t t[MOST], low;

    ends_at = now() + 10 * SLICE;
    EXPECT(quire_call(thread_priority, 0, 1) >= 0);
    start(&low, 1, do_work); /* begins with its maker's priority */
    EXPECT(quire_call(thread_priority, 0, QUIRE_PRIORITY_FIRST) >= 0);
    for (long i = 1; i <= cpus; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, do_work, (void *)i), 0);
    EXPECT(quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX) >= 0);
    usleep(12000); /* a slice: where two of them share a CPU, one goes on to another */
    unsigned long before = LOAD(work[0]);
    usleep(20000);
    EXPECT(LOAD(work[0]) - before <= 2); /* one piece may end, one begin, between two threads' turns */
    for (long i = 1; i <= cpus; i++)
        EXPECT_EQ(pthread_join(t[i], NULL), 0);
    join(&low, 1);
}
