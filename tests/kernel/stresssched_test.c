/* SPDX-License-Identifier: MIT */
/* Threads wait, wake, interrupt, sleep and change CPUs, on CPUs that really run at the same time. */
#include "helpers.h"
#include <quire/string.h>
#include <quire/sync.h>
#include <arch-generic/machine.h>

#define WAITERS 6
#define EACH 400

static struct {
    struct wait_queue queue;
    struct thread *waiter[WAITERS];
    u32 tokens, taken, asked, running;
} inn;

static bool take_token(void)
{
    if (!inn.tokens)
        return false;
    inn.tokens--;
    inn.taken++;
    return true;
}

static void wait_sleep_and_move(void *which)
{
    u64 self = (u64)which;

    for (u64 i = 0; i < EACH; i++) {
        __atomic_add_fetch(&inn.asked, 1, __ATOMIC_RELAXED);
        wait_until(&inn.queue, take_token());
        if ((i + self) % 7 == 0)
            thread_sleep_until(arch_clock_ns() + i % 5 * 1000);
        if ((i + self) % 11 == 0)
            thread_pin((int)(i % nr_cpus));
        if ((i + self) % 13 == 0)
            thread_pin(-1);
    }
    __atomic_sub_fetch(&inn.running, 1, __ATOMIC_ACQ_REL);
    while (READ_ONCE(inn.waiter[self])) /* wait until the interrupting thread is done with this one */
        thread_yield();
}

/* One thread wakes the waiting threads; the other interrupts threads at random. */
static void hand_out(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&inn.running, __ATOMIC_ACQUIRE)) {
        bool irq = spin_lock_irqsave(&inn.queue.lock);
        if (inn.taken + inn.tokens < __atomic_load_n(&inn.asked, __ATOMIC_RELAXED)) {
            inn.tokens++;
            wake_all_locked(&inn.queue);
        }
        spin_unlock_irqrestore(&inn.queue.lock, irq);
        thread_yield();
    }
}

static void interrupt_all(void *unused)
{
    (void)unused;
    while (__atomic_load_n(&inn.running, __ATOMIC_ACQUIRE)) {
        for (unsigned i = 0; i < WAITERS; i++)
            thread_interrupt(inn.waiter[i]);
        thread_yield();
    }
}

TEST(stresssched, wake_ups_interrupts_sleeps_and_moves_meet)
{
    struct crew crew = {0};

    memset(&inn, 0, sizeof(inn));
    wait_queue_init(&inn.queue);
    inn.running = WAITERS;
    for (u64 i = 0; i < WAITERS; i++)
        ASSERT((inn.waiter[i] = thread_create("waiter", NULL, PRIORITY_USER, wait_sleep_and_move, (void *)i)) != NULL);
    for (u64 i = 0; i < WAITERS; i++)
        thread_start(inn.waiter[i]);
    crew_start(&crew, 0, hand_out, NULL);
    crew_start(&crew, nr_cpus - 1, interrupt_all, NULL);
    crew_wait(&crew);
    EXPECT_EQ(inn.taken, WAITERS * EACH);
    EXPECT_EQ(inn.tokens, 0);
    for (u64 i = 0; i < WAITERS; i++)
        WRITE_ONCE(inn.waiter[i], NULL);
}

/* Threads that start threads, on this CPU or another, until all have run. */
static u32 births;

static void give_birth(void *left)
{
    for (u64 i = 0; left && i < 2; i++) {
        struct thread *t = thread_create("child", NULL, PRIORITY_USER, give_birth, (void *)((u64)left - 1));
        if (t)
            thread_start(t);
    }
    __atomic_add_fetch(&births, 1, __ATOMIC_ACQ_REL);
}

TEST(stresssched, threads_start_threads_everywhere)
{
    for (unsigned round = 0; round < 4; round++) {
        births = 0;
        give_birth((void *)7);
        while (__atomic_load_n(&births, __ATOMIC_ACQUIRE) < 255)
            thread_sleep_until(arch_clock_ns() + 100000);
    }
}
