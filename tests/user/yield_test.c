/* SPDX-License-Identifier: MIT */
/*
 * Threads that yield to each other on one CPU: the kernel has a short cut for them (kernel/sched/rest.c). Whatever
 * happens to a thread that waits for its turn there must count as if it had waited in the ordinary way.
 */
#include "threads.h"
#include <quire/message.h>
#include <uapi/quire/ipc.h>

#define ROUNDS 50
#define TURNS  3

static int order[TURNS * ROUNDS], written, ready;

static void pin(void) { ASSERT_EQ(quire_call(cpu_pin, 0), 0); }

static void *write_order(void *number)
{
    pin();
    ADD(ready, 1);
    while (LOAD(ready) < TURNS)
        quire_call(yield);
    for (int i = 0; i < ROUNDS; i++) {
        order[written++] = (int)(long)number;
        quire_call(yield);
    }
    return NULL;
}

TEST(yield, threads_take_turns_in_their_order)
{
    pthread_t t[TURNS];
    int wrong = 0;

    start(t, TURNS, write_order);
    join(t, TURNS);
    ASSERT_EQ(written, TURNS * ROUNDS);
    for (int i = TURNS; i < TURNS * ROUNDS; i++)
        wrong += order[i] != order[i - TURNS];
    EXPECT(wrong <= TURNS * 2); /* the end of a time slice, once, changes the order */
}

/* Many values that the compiler keeps in registers, or in the stack frame, across the calls. */
static unsigned long mix(unsigned long seed)
{
    unsigned long a = seed, b = seed + 1, c = seed + 2, d = seed + 3, e = seed + 4, f = seed + 5, g = seed + 6;

    for (int i = 0; i < ROUNDS; i++) {
        quire_call(yield);
        a += b ^ (unsigned long)i;
        b += c * 3;
        c ^= d << 1;
        quire_call(yield);
        d += e * 5;
        e ^= f >> 1;
        f += g * 7;
        g += a;
    }
    return a ^ b ^ c ^ d ^ e ^ f ^ g;
}

static void *mix_there(void *number)
{
    pin();
    return (void *)mix((unsigned long)number);
}

TEST(yield, registers_stay_with_their_thread)
{
    unsigned long alone[NR], together;
    pthread_t t[NR];

    for (unsigned long i = 0; i < NR; i++)
        alone[i] = mix(i);
    start(t, NR, mix_there);
    for (int i = 0; i < NR; i++) {
        EXPECT_EQ(pthread_join(t[i], (void **)&together), 0);
        EXPECT_EQ(together, alone[i]);
    }
}

/* --- what happens to a thread in the queue --------------------------------------------------------------- */
static volatile unsigned long *steps; /* shared with children */

static void step_for_ever(void)
{
    pin();
    for (;;) {
        steps[0]++;
        quire_call(yield);
    }
}

static void yield_until_steps(unsigned long nr)
{
    for (unsigned long first = steps[0]; steps[0] < first + nr;)
        quire_call(yield);
}

TEST(yield, a_process_that_is_killed_in_the_queue_ends)
{
    steps = (volatile unsigned long *)map_shared(PAGE);
    pid_t child = fork();
    if (child == 0)
        step_for_ever();
    pin();
    yield_until_steps(5);
    EXPECT_EQ(kill(child, SIGKILL), 0);
    unsigned long at = steps[0];
    for (int i = 0; i < 5; i++)
        quire_call(yield);
    EXPECT_EQ(steps[0], at); /* no more step: it found that out on its way to user mode */
    expect_killed(child);
}

TEST(yield, calls_of_a_process_that_is_traced_in_the_queue_are_told)
{
    struct quire_start all = {.nr_same = 3};
    long e = quire_call(endpoint_create);

    steps = (volatile unsigned long *)map_shared(PAGE);
    long child = quire_call(process_clone);
    if (child == QUIRE_IN_CHILD)
        step_for_ever();
    ASSERT(child >= 0);
    EXPECT_CALL(0, process_start, child, &all);
    pin();
    yield_until_steps(5);
    EXPECT_CALL(0, process_faults, child, e, QUIRE_FAULTS_TRACE);
    unsigned long at = steps[0];
    for (int i = 0; i < 5; i++)
        quire_call(yield);
    EXPECT(steps[0] <= at + 1);
    EXPECT_CALL(0, kill, child);
    end_of(child);
    quire_call(close, e);
}

static int endpoint;

static void *answer_then_receive(void *unused)
{
    struct message m = {.info = 0};

    pin();
    EXPECT_EQ(message_receive(endpoint, &m), QUIRE_GOT_CALL);
    EXPECT_EQ(message_reply_receive(endpoint, &m), QUIRE_GOT_CALL); /* by the short cut of messages: it keeps no stack */
    EXPECT_EQ(message_reply_receive(endpoint, &m), QUIRE_GOT_SEND);
    EXPECT_EQ(m.word[0], 11);
    return unused;
}

TEST(yield, who_was_woken_looks_why)
{
    struct message m = {.info = 0};
    pthread_t t;

    endpoint = (int)quire_call(endpoint_create);
    pin();
    start(&t, 1, answer_then_receive);
    for (int i = 0; i < 2; i++)
        EXPECT_EQ(message_call(endpoint, &m), 0);
    EXPECT_EQ(message_send(endpoint, &(struct message){.word = {11}}), 0);
    for (int i = 0; i < 3; i++)
        quire_call(yield);
    join(&t, 1);
    quire_call(close, endpoint);
}

static volatile unsigned long others;

static void *step_less_urgent(void *unused)
{
    pin();
    EXPECT(quire_call(thread_priority, 0, 1) >= 0);
    while (!LOAD(ready)) {
        others++;
        quire_call(yield);
    }
    return unused;
}

TEST(yield, nobody_yields_to_a_less_urgent_thread)
{
    pthread_t low;

    pin();
    ASSERT_EQ(pthread_create(&low, NULL, step_less_urgent, NULL), 0);
    while (!others)
        usleep(100);
    unsigned long before = others;
    for (int i = 0; i < 1000; i++)
        quire_call(yield);
    EXPECT(others <= before + 1);
    STORE(ready, 1);
    EXPECT_EQ(pthread_join(low, NULL), 0);
}
