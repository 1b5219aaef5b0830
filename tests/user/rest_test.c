/* SPDX-License-Identifier: MIT */
/*
 * Threads that rest (kernel/sched/rest.c): one that waits for a notification, and one that a more urgent thread has
 * preempted. Both have no kernel stack then, and whatever happens to them must count as if they had one.
 */
#include "threads.h"
#include <quire/fp.h>
#include <quire/message.h>

#define MS     1000000l
#define ROUNDS 40
#define SPINS  300000l /* about a millisecond */

static int notification, back, stop, ready;
static unsigned long taken;

static void make_notifications(void)
{
    notification = (int)quire_call(notification_create);
    back = (int)quire_call(notification_create);
}

static void wait_until_ready(int nr)
{
    while (LOAD(ready) < nr)
        usleep(100);
    usleep(300); /* and has gone on into its wait */
}

static void fill(unsigned char *bytes, int seed)
{
    for (int i = 0; i < FP_BYTES; i++)
        bytes[i] = (unsigned char)(seed * 37 + i * 11 + (i >> 5));
}

static int registers_changed(int seed, long spin)
{
    unsigned char in[FP_BYTES] __attribute__((aligned(32))), out[FP_BYTES] __attribute__((aligned(32)));

    fill(in, seed);
    memset(out, 0, sizeof(out));
    fp_hold(in, out, spin, -1);
    return memcmp(in, out, FP_BYTES) != 0;
}

/* More urgent than all others: uses the registers each time it wakes, and asks for the next time. */
static void *interfere(void *wrong)
{
    unsigned long bits;

    quire_call(cpu_pin, 0);
    quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX);
    ADD(ready, 1);
    for (int i = 0; !LOAD(stop); i++) {
        quire_call(timer_signal, notification, 1, quire_call(clock) + MS / 10);
        EXPECT_EQ(notification_wait(notification, 1, 0, &bits), 0);
        ADD(taken, 1);
        *(int *)wrong += registers_changed(i, 10);
    }
    return NULL;
}

/* Sums in registers, a pattern in all floating-point registers: nothing of it changes while others take the CPU. */
TEST(rest, a_preempted_thread_keeps_its_registers)
{
    int wrong = 0, own = 0;
    pthread_t t;

    quire_call(cpu_pin, 0);
    make_notifications();
    ASSERT_EQ(pthread_create(&t, NULL, interfere, &wrong), 0);
    wait_until_ready(1);
    for (int i = 0; i < ROUNDS || LOAD(taken) < ROUNDS; i++)
        own += registers_changed(i + 1000, SPINS / 16);
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(t, NULL), 0);
    EXPECT_EQ(own, 0);
    EXPECT_EQ(wrong, 0);
}

static void *wait_for_one_bit(void *number)
{
    unsigned long bits = 0, own = 1ul << (long)number;

    ADD(ready, 1);
    EXPECT_EQ(notification_wait(notification, own | 1ul << 63, 0, &bits), 0);
    EXPECT(bits == own || bits == 1ul << 63);
    __atomic_fetch_or(&taken, bits, __ATOMIC_RELAXED);
    return NULL;
}

/* A bit goes to one waiter, and the others go on waiting. */
TEST(rest, each_waiter_gets_the_bits_of_its_mask)
{
    pthread_t t[NR];
    unsigned long bits;

    make_notifications();
    start(t, NR, wait_for_one_bit);
    wait_until_ready(NR);
    quire_call(signal, notification, 1ul << 40);
    quire_call(signal, notification, 1ul << 1 | 1ul << 3);
    EXPECT_EQ(pthread_join(t[1], NULL), 0);
    EXPECT_EQ(pthread_join(t[3], NULL), 0);
    EXPECT_EQ(LOAD(taken), 1ul << 1 | 1ul << 3);
    quire_call(signal, notification, 1ul << 63);
    quire_call(signal, notification, 1ul << 63);
    EXPECT_EQ(pthread_join(t[0], NULL), 0);
    EXPECT_EQ(pthread_join(t[2], NULL), 0);
    EXPECT_EQ(LOAD(taken), 1ul << 63 | 1ul << 1 | 1ul << 3);
    EXPECT_EQ(notification_wait(notification, ~0ul, 0, &bits), 0);
    EXPECT_EQ(bits, 1ul << 40);
}

/* Two threads of two priorities on one CPU signal each other: each signal switches at once. */
static void *answer(void *unused)
{
    unsigned long bits;

    quire_call(cpu_pin, 0);
    quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX);
    ADD(ready, 1);
    for (int i = 0; i < ROUNDS; i++) {
        EXPECT_EQ(notification_wait(notification, 1, 0, &bits), 0);
        taken++;
        EXPECT_CALL(0, signal, back, 1);
    }
    return unused;
}

TEST(rest, a_more_urgent_waiter_runs_before_the_signal_returns)
{
    pthread_t t;
    unsigned long bits;

    quire_call(cpu_pin, 0);
    make_notifications();
    ASSERT_EQ(pthread_create(&t, NULL, answer, NULL), 0);
    wait_until_ready(1);
    for (unsigned long i = 1; i <= ROUNDS; i++) {
        EXPECT_CALL(0, signal, notification, 1);
        EXPECT_EQ(taken, i);
        EXPECT_EQ(notification_wait(back, 1, 0, &bits), 0);
    }
    EXPECT_EQ(pthread_join(t, NULL), 0);
}

/* A waiter of a process that is killed takes no bits along: they go to the next signal's waiter, or stay. */
TEST(rest, a_killed_waiter_leaves_the_bits_to_others)
{
    unsigned long bits;
    int status;

    make_notifications();
    pid_t pid = fork();
    if (pid == 0) {
        quire_call(signal, back, 1);
        notification_wait(notification, ~0ul, 0, &bits);
        _exit(1);
    }
    EXPECT_EQ(notification_wait(back, 1, 0, &bits), 0);
    usleep(300);
    EXPECT_EQ(kill(pid, SIGKILL), 0);
    quire_call(signal, notification, 6);
    EXPECT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    EXPECT_EQ(notification_wait(notification, ~0ul, QUIRE_INFO_LIMIT_US(100000), &bits), 0);
    EXPECT_EQ(bits, 6);
}

static void *wait_then_note(void *unused)
{
    unsigned long bits;

    ADD(ready, 1);
    notification_wait(notification, 2, 0, &bits);
    ADD(taken, 1);
    return unused;
}

/* The notification lives as long as somebody waits for it; its timer does, too. */
TEST(rest, a_notification_that_is_closed_lives_while_a_thread_waits)
{
    pthread_t t;

    make_notifications();
    ASSERT_EQ(pthread_create(&t, NULL, wait_then_note, NULL), 0);
    wait_until_ready(1);
    EXPECT_CALL(0, timer_signal, notification, 2, quire_call(clock) + MS);
    EXPECT_EQ(close(notification), 0);
    EXPECT_EQ(pthread_join(t, NULL), 0);
    EXPECT_EQ(LOAD(taken), 1);
}

/* Who has waited at rest holds its notification until it closes it: then nothing of it is left. */
TEST(rest, who_closes_what_it_has_waited_for_frees_it)
{
    unsigned long bits;
    struct quire_memory before, after;

    EXPECT_CALL(0, memory_info, &before);
    notification = (int)quire_call(notification_create);
    EXPECT(quire_call(timer_signal, notification, 1, quire_call(clock) + MS) >= 0);
    EXPECT_EQ(notification_wait(notification, 1, 0, &bits), 0);
    close(notification);
    EXPECT_CALL(0, memory_info, &after);
    EXPECT_EQ(after.slab_objects, before.slab_objects);
}

/* More urgent, and it stays on CPU 0. */
static void *take_the_cpu(void *unused)
{
    unsigned long bits;

    quire_call(cpu_pin, 0);
    quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX);
    ADD(ready, 1);
    notification_wait(notification, 1, 0, &bits);
    for (long end = quire_call(clock) + 100 * MS; quire_call(clock) < end && !LOAD(stop);)
        ;
    return unused;
}

/* The same, but it hasn't waited at rest: the switch to it is an ordinary one. */
static void *take_the_cpu_after_a_sleep(void *unused)
{
    quire_call(cpu_pin, 0);
    quire_call(thread_priority, 0, QUIRE_PRIORITY_MAX);
    ADD(ready, 1);
    quire_call(sleep, 3 * MS);
    for (long end = quire_call(clock) + 100 * MS; quire_call(clock) < end && !LOAD(stop);)
        ;
    ADD(taken, 1);
    return unused;
}

/* Whoever computes on CPU 0, and may go anywhere, isn't kept from it for long while another CPU idles. */
TEST(rest, a_thread_that_a_sleeper_preempts_goes_on_where_a_cpu_idles)
{
    long worst = 0;
    pthread_t t;

    if (quire_call(cpu_pin, 1) < 0)
        SKIP("needs two CPUs");
    quire_call(cpu_pin, 0);
    ASSERT_EQ(pthread_create(&t, NULL, take_the_cpu_after_a_sleep, NULL), 0);
    while (!LOAD(ready))
        usleep(100);
    quire_call(cpu_pin, -1);
    for (long last = quire_call(clock), end = last + 20 * MS, now; last < end; last = now) {
        now = quire_call(clock);
        worst = now - last > worst ? now - last : worst;
    }
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(t, NULL), 0);
    if (worst > 30 * MS)
        test_fail(__FILE__, __LINE__, "a preempted thread went on after %ld us, although other CPUs idled",
                  worst / 1000);
}

TEST(rest, a_preempted_thread_goes_on_where_a_cpu_idles)
{
    pthread_t t;

    if (quire_call(cpu_pin, 1) < 0)
        SKIP("needs two CPUs");
    quire_call(cpu_pin, 0);
    make_notifications();
    ASSERT_EQ(pthread_create(&t, NULL, take_the_cpu, NULL), 0);
    wait_until_ready(1);
    EXPECT_EQ(registers_changed(1, 10), 0); /* this CPU has its floating-point registers */
    quire_call(cpu_pin, -1);
    ASSERT_EQ(quire_call(cpu), 0);
    long before = quire_call(clock);
    EXPECT_CALL(0, signal, notification, 1);
    long after = quire_call(clock);
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(t, NULL), 0);
    if (after - before > 30 * MS)
        test_fail(__FILE__, __LINE__, "a preempted thread went on after %ld us, although other CPUs idled",
                  (after - before) / 1000);
}
