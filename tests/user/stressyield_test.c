/* SPDX-License-Identifier: MIT */
/*
 * Threads and processes that yield, change each other's priorities, go to other CPUs, and are killed, all at once.
 * Whoever isn't killed does all of its work.
 */
#include "threads.h"
#include <stdlib.h>

#define THREADS 8
#define WORK    300
#define KILLED  40

static long first_id; /* the other threads' numbers follow it soon */
static int done;

static unsigned random_number(unsigned *state)
{
    *state = *state * 1103515245 + 12345;
    return *state >> 16;
}

static void *yield_and_disturb(void *number)
{
    unsigned state = (unsigned)(long)number * 7919 + 1;

    for (int i = 0; i < WORK; i++) {
        unsigned what = random_number(&state) % 8;
        if (what == 0) /* -ESRCH: another process's thread, or none */
            quire_call(thread_priority, first_id + random_number(&state) % (2 * THREADS), 1 + random_number(&state) % 3);
        else if (what == 1)
            quire_call(cpu_pin, random_number(&state) % 4);
        else if (what == 2)
            quire_call(cpu_pin, -1);
        else
            quire_call(yield);
    }
    quire_call(thread_priority, 0, 3);
    ADD(done, 1);
    return NULL;
}

static char stack[4096] __attribute__((aligned(16)));
static void end_at_once(void) { quire_call(thread_exit); }
static void start_all(pthread_t t[])
{
    first_id = quire_call(thread_create, end_at_once, stack + sizeof(stack) - 256, 0);
    ASSERT(first_id > 0);
    start(t, THREADS, yield_and_disturb);
}

TEST(stressyield, everybody_gets_on)
{
    pthread_t t[THREADS];

    start_all(t);
    join(t, THREADS);
    EXPECT_EQ(done, THREADS);
}

TEST(stressyield, processes_that_yield_are_killed)
{
    pthread_t t[THREADS];
    unsigned state = 1;

    start_all(t);
    for (int i = 0; i < KILLED; i++) {
        pid_t child = fork();
        if (child == 0)
            for (;;)
                quire_call(yield);
        ASSERT(child > 0);
        for (unsigned n = random_number(&state) % 30; n; n--)
            quire_call(yield);
        expect_killed(child);
    }
    join(t, THREADS);
    EXPECT_EQ(done, THREADS);
}
