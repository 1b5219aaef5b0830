/* SPDX-License-Identifier: MIT */
/* Timers and ends of threads, which come as signals. */
#include "child.h"
#include <quire/message.h>

#define MS       1000000ul /* in nanoseconds */
#define NOT_LONG QUIRE_INFO_LIMIT_US(5000)
#define SOON     QUIRE_INFO_LIMIT_US(100000)

static long new_notification(void)
{
    long n = quire_call(notification_create);
    ASSERT(n >= 0);
    return n;
}

static unsigned long now(void) { return (unsigned long)quire_call(clock); }

/* The bits that come within this time; 0: none. */
static unsigned long wait_for(long n, unsigned long limit)
{
    unsigned long bits = 0;

    EXPECT_EQ(notification_wait(n, ~0ul, limit, &bits), bits ? 0 : -ETIMEDOUT);
    return bits;
}

/* --- timers --------------------------------------------------------------------------------------- */
TEST(timer, a_timer_signals_once_at_its_time)
{
    long n = new_notification();
    unsigned long at = now() + 3 * MS;

    EXPECT_CALL(0, timer_signal, n, 5, at);
    EXPECT_EQ(wait_for(n, SOON), 5);
    EXPECT(now() >= at);
    EXPECT(now() < at + MS);
    EXPECT_EQ(wait_for(n, NOT_LONG), 0);
    EXPECT_CALL(0, timer_signal, n, 1, 1); /* this time is over */
    EXPECT_EQ(wait_for(n, SOON), 1);
}

/* The thread that sets it computes on, and gives the kernel no reason to look at the clock. */
TEST(timer, a_timer_signals_while_its_thread_computes)
{
    long n = new_notification();
    unsigned long at = now() + MS / 10;

    EXPECT_CALL(0, timer_signal, n, 1, at);
    while (now() < at + MS / 10)
        ;
    EXPECT_CALL(0, timer_signal, n, 0, 0); /* it has rung */
    EXPECT_EQ(wait_for(n, QUIRE_INFO_LIMIT_US(1)), 1);
}

TEST(timer, a_timer_that_is_cancelled_does_not_signal)
{
    long n = new_notification();

    EXPECT_CALL(0, timer_signal, n, 0, 0);
    EXPECT_CALL(0, timer_signal, n, 1, now() + 3 * MS);
    EXPECT_CALL(1, timer_signal, n, 0, 0);
    EXPECT_CALL(0, timer_signal, n, 0, 0);
    EXPECT_EQ(wait_for(n, NOT_LONG), 0);
}

TEST(timer, a_notification_has_one_timer)
{
    long n = new_notification();
    unsigned long at = now() + 3 * MS;

    EXPECT_CALL(0, timer_signal, n, 1, now() + MS / 2);
    EXPECT_CALL(1, timer_signal, n, 2, at);
    EXPECT_EQ(wait_for(n, SOON), 2);
    EXPECT(now() >= at);
    EXPECT_CALL(0, timer_signal, n, 2, ~0ul);
    EXPECT_CALL(1, timer_signal, n, 4, now() + MS);
    EXPECT_EQ(wait_for(n, SOON), 4);
}

/* More than one interrupt rings, in any order of setting, and several at one time. */
TEST(timer, timers_of_many_notifications_come_in_order)
{
    enum { MANY = 200 };
    unsigned long begin = now() + 20 * MS, seen = 0;
    long n[MANY];

    for (unsigned i = 0; i < MANY; i++) {
        unsigned at = i * 7 % MANY / 4; /* four of each time */
        n[i] = new_notification();
        EXPECT_CALL(0, timer_signal, n[i], 1 + at, begin + at * 1000);
    }
    for (unsigned i = 0; i < MANY; i += 3)
        EXPECT_CALL(1, timer_signal, n[i], 0, 0);
    quire_call(sleep, 30 * MS);
    for (unsigned i = 0; i < MANY; i++) {
        unsigned long bits = wait_for(n[i], QUIRE_INFO_LIMIT_US(1));
        EXPECT_EQ(bits, i % 3 ? 1 + i * 7 % MANY / 4 : 0);
        seen += bits != 0;
    }
    EXPECT_EQ(seen, MANY - (MANY + 2) / 3);
    for (unsigned i = 0; i < MANY; i++)
        EXPECT_CALL(0, timer_signal, n[i], 1, begin); /* all at once: it has passed */
    for (unsigned i = 0; i < MANY; i++)
        EXPECT_EQ(wait_for(n[i], SOON), 1);
}

TEST(timer, a_timer_ends_with_its_notification)
{
    for (int i = 0; i < 20; i++) {
        long n = new_notification();
        EXPECT_CALL(0, timer_signal, n, 1, now() + MS / 10 * (unsigned)(i % 3));
        close((int)n);
    }
    EXPECT_DIES(SIGKILL, {
        for (int i = 0; i < 20; i++)
            quire_call(timer_signal, new_notification(), 1, now() + MS);
        raise(SIGKILL);
    });
    quire_call(sleep, 3 * MS);
}

TEST(timer, a_server_receives_its_timer_with_its_messages)
{
    long n = new_notification(), e = quire_call(endpoint_create);
    struct message m = {.info = SOON};

    EXPECT_CALL(0, notification_bind, n, e);
    EXPECT_CALL(0, timer_signal, n, 9, now() + MS);
    EXPECT_EQ(message_receive((int)e, &m), QUIRE_GOT_SIGNAL);
    EXPECT_EQ(m.word[0], 9);
}

TEST(timer, rights_are_needed)
{
    long n = new_notification(), only_wait = quire_call(handle_duplicate, n, RIGHT_RECEIVE, 0);

    EXPECT_CALL(-EACCES, timer_signal, only_wait, 1, 0);
    EXPECT_CALL(-EBADF, timer_signal, 0, 1, 0);
    EXPECT_CALL(-EBADF, timer_signal, -1, 1, 0);
}

/* --- ends of threads -------------------------------------------------------------------------------- */
static void end_at_once(void)
{
    for (;;)
        quire_call(thread_exit);
}

static void sleep_for_ever(void)
{
    for (;;)
        quire_call(sleep, 1000 * MS);
}

/* Its stack is unmapped as soon as the end is told. */
TEST(timer, the_end_of_a_thread_is_a_signal)
{
    long n = new_notification();

    for (unsigned long i = 1; i < 20; i++) {
        char *stack = map_pages(4 * PAGE, PROT_READ | PROT_WRITE);
        EXPECT(quire_call(thread_create, end_at_once, stack + 4 * PAGE - 256, 0, n, i) > 0);
        EXPECT_EQ(wait_for(n, SOON), i);
        munmap(stack, 4 * PAGE);
    }
}

TEST(timer, the_end_of_a_killed_thread_is_a_signal)
{
    long n = new_notification();
    static char stack[4 * PAGE] __attribute__((aligned(16)));

    EXPECT_DIES(SIGKILL, {
        quire_call(thread_create, end_at_once, stack + sizeof(stack) - 256, 0, n, 2);
        wait_for(n, SOON);
        quire_call(thread_create, sleep_for_ever, stack + sizeof(stack) - 256, 0, n, 1);
        raise(SIGKILL);
    });
    EXPECT_EQ(wait_for(n, SOON), 1);
}

TEST(timer, a_thread_that_cannot_be_made_tells_nobody)
{
    long n = new_notification(), only_wait = quire_call(handle_duplicate, n, RIGHT_RECEIVE, 0);
    char *stack = map_pages(4 * PAGE, PROT_READ | PROT_WRITE);

    EXPECT_CALL(-EACCES, thread_create, end_at_once, stack + 4 * PAGE - 256, 0, only_wait, 1);
    EXPECT_CALL(-EBADF, thread_create, end_at_once, stack + 4 * PAGE - 256, 0, 0, 1);
    EXPECT_CALL(-EINVAL, thread_create, end_at_once, stack + 1, 0, n, 1);
    EXPECT_EQ(wait_for(n, NOT_LONG), 0);
}
