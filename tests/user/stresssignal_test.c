/* SPDX-License-Identifier: MIT */
/*
 * Timers that others set, stop and close, and a device whose driver changes, on CPUs that really run at the same time.
 */
#include "threads.h"
#include <device.h>
#include <quire/message.h>

#define ROUNDS 300
#define MS     1000000ul /* in nanoseconds */

static unsigned long now(void) { return (unsigned long)quire_call(clock); }

/* --- timers --------------------------------------------------------------------------------------- */
static int shared[8]; /* notifications */
static int waiting;   /* threads that haven't got the last signal */

static void *set_and_stop(void *number)
{
    for (int i = 0; i < ROUNDS; i++) {
        int n = shared[(i + (long)number) % 8];
        quire_call(timer_signal, n, 1, now() + (unsigned long)i % 7 * 20000);
        if (i % 3 == 0)
            quire_call(timer_signal, n, 0, 0);
        int own = (int)quire_call(notification_create);
        quire_call(timer_signal, own, 1, now() + (unsigned long)i % 5 * 1000);
        close(own); /* its timer may be ringing on another CPU */
    }
    ADD(waiting, -1);
    return NULL;
}

TEST(stresssignal, timers_are_set_stopped_and_closed_by_all)
{
    pthread_t t[NR];

    for (int i = 0; i < 8; i++)
        shared[i] = (int)quire_call(notification_create);
    waiting = NR;
    start(t, NR, set_and_stop);
    while (LOAD(waiting)) {
        unsigned long bits = 0;
        notification_wait(shared[waiting], 1, QUIRE_INFO_LIMIT_US(100), &bits);
    }
    join(t, NR);
    for (int i = 0; i < 8; i++) {
        unsigned long bits = 0;
        quire_call(timer_signal, shared[i], 2, now() + MS);
        EXPECT_EQ(notification_wait(shared[i], 2, QUIRE_INFO_LIMIT_US(400000), &bits), 0);
        close(shared[i]);
    }
}

/* --- waiters at rest that are killed -------------------------------------------------------------- */
static int asked, gone; /* notifications; LOAD(gone): the parent has killed its last child */

static void *signal_all_the_time(void *unused)
{
    while (!LOAD(gone)) {
        quire_call(signal, asked, 1);
        quire_call(signal, asked, 2);
    }
    return unused;
}

static void *wait_all_the_time(void *number)
{
    unsigned long bits, mask = 1ul << (long)number % 2;

    for (;;) {
        EXPECT_EQ(notification_wait(asked, mask, 0, &bits), 0);
        EXPECT_EQ(bits, mask);
    }
    return NULL;
}

/* Whoever signals has the waiter in hand just when it is killed, runs on, ends and is freed. */
TEST(stresssignal, waiters_at_rest_are_killed_while_signals_come)
{
    pthread_t signaller;
    int status;

    asked = (int)quire_call(notification_create);
    start(&signaller, 1, signal_all_the_time);
    for (int i = 0; i < 12; i++) {
        pid_t pid = fork();
        if (pid == 0) {
            pthread_t t[2];
            start(t, 2, wait_all_the_time);
            wait_all_the_time(NULL);
        }
        usleep(1000 + i * 300);
        EXPECT_EQ(kill(pid, SIGKILL), 0);
        EXPECT_EQ(waitpid(pid, &status, 0), pid);
        EXPECT_EQ(WTERMSIG(status), SIGKILL);
    }
    STORE(gone, 1);
    join(&signaller, 1);
}

/* --- interrupts ----------------------------------------------------------------------------------- */
static volatile unsigned *registers;
static long interrupt;
static int stop;

static void *raise_often(void *unused)
{
    while (!LOAD(stop)) {
        device_raise(registers);
        sched_yield();
    }
    return unused;
}

/* Drivers that come and go: each binds the source if it is free, serves a few interrupts, and ends its notification. */
static void *serve_some(void *served)
{
    for (int i = 0; i < ROUNDS / 10; i++) {
        int n = (int)quire_call(notification_create);
        if (quire_call(interrupt_bind, interrupt, n, 1)) {
            close(n);
            sched_yield();
            continue;
        }
        for (int k = 0; k < 3; k++) {
            unsigned long bits = 0;
            if (notification_wait(n, 1, QUIRE_INFO_LIMIT_US(20000), &bits) == 0)
                ADD(*(long *)served, 1);
            device_quiet(registers);
            quire_call(interrupt_ack, interrupt);
        }
        close(n);
    }
    return NULL;
}

TEST(stresssignal, drivers_of_one_device_come_and_go)
{
    static long served;
    pthread_t raiser, t[2];

    if (!DEVICE_ADDRESS)
        SKIP("the only source of interrupts of this machine is the kernel's own");
    long m = quire_call(memory_device, QUIRE_DEVICES, DEVICE_ADDRESS, PAGE);
    registers = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, (int)m, 0);
    ASSERT(registers != MAP_FAILED);
    device_set_up(registers, QUIRE_INTERRUPT_LEVEL);
    interrupt = quire_call(interrupt_open, QUIRE_DEVICES, DEVICE_INTERRUPT, QUIRE_INTERRUPT_LEVEL);
    ASSERT(interrupt >= 0);
    ASSERT_EQ(pthread_create(&raiser, NULL, raise_often, NULL), 0);
    for (int i = 0; i < 2; i++)
        ASSERT_EQ(pthread_create(&t[i], NULL, serve_some, &served), 0);
    join(t, 2);
    STORE(stop, 1);
    EXPECT_EQ(pthread_join(raiser, NULL), 0);
    EXPECT(served > 0);
    device_quiet(registers);
}
