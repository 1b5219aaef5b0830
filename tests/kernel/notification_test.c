/* SPDX-License-Identifier: MIT */
/* Notifications with many waiters: each bit wakes one, and the lock isn't held for all of them at once. */
#include "helpers.h"
#include "../../kernel/ipc/ipc.h"
#include <quire/endpoint.h>
#include <quire/lock_check.h>
#include <quire/upcalls.h>

#define FOR_EVER (~0ul - 1) /* a limit, so it waits on its own stack: a kernel thread has no user mode to go to */
#define WAITERS 256u
#define LOCK_MOST_NS 2000u /* looking at all under one lock takes 3,700 or more */

static struct notification *many;
static u32 numbers, wrong, done;

static void wait_for_a_bit(void *arg)
{
    u64 *word = tf_word(frame_of(current_thread()), 0); /* the mask, and then the bits */
    u64 mask = 1ul << __atomic_fetch_add(&numbers, 1, __ATOMIC_RELAXED) % 32;

    (void)arg;
    *word = mask;
    object_get(&many->object);
    if (notification_wait(many, FOR_EVER) || *word != mask)
        __atomic_fetch_add(&wrong, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&done, 1, __ATOMIC_RELAXED);
}

static unsigned nr_waiting(void)
{
    unsigned nr = 0;
    bool irq = spin_lock_irqsave(&many->lock);

    list_for_each(node, &many->waiters)
        nr++;
    spin_unlock_irqrestore(&many->lock, irq);
    return nr;
}

/* Until nobody of those who were woken runs any more: `left` wait, the others have ended. */
static void settle(unsigned left)
{
    while (READ_ONCE(done) != WAITERS - left || nr_waiting() != left)
        thread_yield();
}

TEST(notification, a_signal_wakes_many_waiters_a_few_at_a_time)
{
    struct crew crew = {0};

    many = notification_create();
    ASSERT(many);
    numbers = wrong = done = 0;
    for (unsigned i = 0; i < WAITERS; i++)
        ASSERT(crew_start(&crew, i % nr_cpus, wait_for_a_bit, NULL));
    settle(WAITERS);
    lock_time_begin(true);
    notification_signal(many, 1ul << 63); /* nobody wants it, and all are looked at */
    if (nr_cpus == 1)                     /* else another CPU's turn may come while the lock is held */
        EXPECT(lock_time_longest().ns < LOCK_MOST_NS);
    for (unsigned left = WAITERS; left > 0; left -= 32) {
        notification_signal(many, 0xffffffff);
        settle(left - 32);
    }
    crew_wait(&crew);
    EXPECT_EQ(wrong, 0);
    object_put(&many->object);
}
