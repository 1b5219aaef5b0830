/* SPDX-License-Identifier: MIT */
/*
 * Sleeping, with an alarm. Others may wake a sleeper before its alarm rings, and then it may run on another CPU. A
 * sleeper that was woken stops its alarm. So a thread whose alarm rings lives.
 */
#include "runqueue.h"
#include <quire/plural.h>

/* Before the wait is announced: a panic's own locks would otherwise wait as this thread. */
static void assert_no_locks(void)
{
    KASSERT(locks_held() == 0, "thread %s sleeps holding %u lock%s: %s", current_thread()->name, locks_held(),
            plural(locks_held()), locks_text());
}

void thread_sleep_announced(u64 deadline_ns)
{
    struct thread *self = current_thread();

    assert_no_locks();
    bool irq = irq_save();
    if (deadline_ns != ~0UL)
        alarm_set(&self->alarm, deadline_ns);
    schedule();
    thread_withdraw_wait();
    if (deadline_ns != ~0UL)
        alarm_stop(&self->alarm);
    irq_restore(irq);
}

void thread_sleep_until(u64 deadline_ns)
{
    assert_no_locks();
    thread_announce_wait();
    if (current_killed())
        thread_withdraw_wait(); /* no sleep; schedule() lets others run, and returns */
    thread_sleep_announced(deadline_ns);
}
