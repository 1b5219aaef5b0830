/* SPDX-License-Identifier: MIT */
/*
 * Sleeping. Each CPU has a list of the threads that went to sleep on it, the earliest deadline first. It wakes them in
 * its timer's interrupt. Others may wake a sleeper earlier, and then it may run on another CPU. A sleeper that was
 * woken early takes itself out of the list, under the list's lock. So a thread that is found in the list under this
 * lock lives.
 */
#include "runqueue.h"
#include <arch-generic/machine.h>
#include <quire/plural.h>

#define FAR_NS (1000 * NS_PER_S)

/*
 * Notes when the first sleeper wakes. No machine's timer counter can hold every number of nanoseconds, so FAR_NS is the
 * longest time. For a later deadline the timer's interrupt finds nobody to wake, and notes the time again.
 */
static void note_next(struct runqueue *rq)
{
    u64 next = list_empty(&rq->sleepers) ? ~0UL : list_entry(rq->sleepers.next, struct thread, sleep_link)->wake_at_ns;

    if (next != ~0UL)
        next = MIN(next, arch_clock_ns() + FAR_NS);
    WRITE_ONCE(rq->next_wake_ns, next);
}

void sched_wake_sleepers(struct runqueue *rq)
{
    if (READ_ONCE(rq->next_wake_ns) > arch_clock_ns())
        return;
    raw_lock(&rq->sleepers_locked);
    while (!list_empty(&rq->sleepers)) {
        struct thread *t = list_entry(rq->sleepers.next, struct thread, sleep_link);
        if (t->wake_at_ns > arch_clock_ns())
            break;
        list_remove(&t->sleep_link);
        thread_wake(t);
    }
    note_next(rq);
    raw_unlock(&rq->sleepers_locked);
}

static void lie_down(struct thread *t, struct runqueue *rq)
{
    raw_lock(&rq->sleepers_locked);
    struct list *at = rq->sleepers.prev;
    while (at != &rq->sleepers && list_entry(at, struct thread, sleep_link)->wake_at_ns > t->wake_at_ns)
        at = at->prev;
    list_insert_after(at, &t->sleep_link);
    t->sleeps_at = rq;
    note_next(rq);
    raw_unlock(&rq->sleepers_locked);
}

static void get_up(struct thread *t)
{
    struct runqueue *rq = t->sleeps_at;

    raw_lock(&rq->sleepers_locked);
    list_remove(&t->sleep_link);
    note_next(rq);
    raw_unlock(&rq->sleepers_locked);
}

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
    if (deadline_ns != ~0UL) {
        self->wake_at_ns = deadline_ns;
        lie_down(self, this_cpu()->runqueue);
    }
    schedule();
    thread_withdraw_wait();
    if (deadline_ns != ~0UL)
        get_up(self);
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
