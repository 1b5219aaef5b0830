/* SPDX-License-Identifier: MIT */
/*
 * Threads and processes that yield, change each other's priorities, go to other CPUs, and are killed, all at once.
 * Whoever isn't killed does all of its work.
 */
#include "threads.h"
#include <stdlib.h>
#include <quire/message.h>

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

static char stack[16384] __attribute__((aligned(16)));
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

/* --- a priority that grows while its thread leaves the CPU ------------------------------------------------ */
static int stop, ended, endpoint;

static void pin(void) { ASSERT_EQ(quire_call(cpu_pin, 0), 0); }

static void end_here(void)
{
    STORE(ended, 1);
    for (;;)
        quire_call(thread_exit);
}

static void yield_until_stop(void)
{
    pin();
    while (!LOAD(stop))
        quire_call(yield);
    end_here();
}

static void call_until_stop(void)
{
    struct message m = {.info = 0};

    pin();
    while (!LOAD(stop))
        EXPECT_EQ(message_call(endpoint, &m), 0);
    m.word[0] = 1;
    EXPECT_EQ(message_call(endpoint, &m), 0);
    end_here();
}

/* It comes into the queue by a wake-up, not by a yield. */
static void *sleep_until_stop(void *unused)
{
    pin();
    while (!LOAD(stop))
        quire_call(sleep, 1);
    return unused;
}

static void *spin_until_stop(void *unused)
{
    pin();
    while (!LOAD(stop))
        ;
    return unused;
}

static void *answer_until_stop(void *unused)
{
    struct message m = {.info = 0};

    pin();
    message_receive(endpoint, &m);
    while (!m.word[0])
        message_reply_receive(endpoint, &m);
    message_reply(-1, &m);
    return unused;
}

/* A thread that runs f on CPU 0 beside others gets another priority from CPU 1 all the time. */
static void change_priority_of(void (*f)(void), void *(*beside)(void *))
{
    pthread_t other;
    long id = quire_call(thread_create, f, stack + sizeof(stack) - 256, 0);

    ASSERT(id > 0);
    ASSERT_EQ(pthread_create(&other, NULL, beside, NULL), 0);
    quire_call(cpu_pin, 1); /* with one CPU there is nothing to see */
    for (unsigned long end = (unsigned long)quire_call(clock) + 50000000ul; (unsigned long)quire_call(clock) < end;) {
        quire_call(thread_priority, id, 5);
        quire_call(thread_priority, id, 3);
    }
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(other, NULL), 0);
    while (!LOAD(ended))
        usleep(100);
}

TEST(stressyield, who_yields_may_become_more_urgent_meanwhile)
{
    if (quire_call(cpu_pin, 1) < 0)
        SKIP("needs two CPUs");
    change_priority_of(yield_until_stop, sleep_until_stop);
}

TEST(stressyield, who_is_preempted_may_become_more_urgent_meanwhile)
{
    pthread_t server;

    if (quire_call(cpu_pin, 1) < 0)
        SKIP("needs two CPUs");
    quire_call(cpu_pin, -1);
    endpoint = (int)quire_call(endpoint_create);
    start(&server, 1, answer_until_stop);
    change_priority_of(call_until_stop, spin_until_stop);
    join(&server, 1);
}
