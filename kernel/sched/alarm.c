/* SPDX-License-Identifier: MIT */
/*
 * Alarms: see <quire/alarm.h>. An alarm rings under the lock of its tree. So whoever stops it under this lock knows
 * that it rings no more, and may free it.
 *
 * Lock order: a tree's lock, then the locks of kernel/ipc/ that a signal takes, then a run queue's lock.
 */
#include "runqueue.h"
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#define FAR_NS (1000 * NS_PER_S)
#define RINGS_AT_ONCE 64 /* in one interrupt. If more are due, the timer comes again at once: others get a turn */

static struct alarm *alarm_of(struct tree_node *node) { return container_of(node, struct alarm, node); }

/*
 * Notes when the first alarm rings. No machine's timer counter can hold every number of nanoseconds, so FAR_NS is the
 * longest time. For a later alarm the timer's interrupt finds nothing to ring, and notes the time again.
 */
static void note_next(struct runqueue *rq)
{
    const struct tree_node *first = tree_first(&rq->alarms);

    WRITE_ONCE(rq->next_alarm_ns, first ? MIN(first->key, arch_clock_ns() + FAR_NS) : ~0UL);
}

static void insert(struct runqueue *rq, struct alarm *a, u64 at_ns)
{
    a->set = true;
    a->leads = tree_insert(&rq->alarms, &a->node, at_ns);
    if (!a->leads)
        list_push_back(&alarm_of(tree_find(&rq->alarms, at_ns))->same, &a->same);
}

static void take_out(struct runqueue *rq, struct alarm *a)
{
    struct alarm *next = list_entry(a->same.next, struct alarm, same);

    list_remove(&a->same);
    if (a->leads)
        tree_remove(&rq->alarms, &a->node);
    if (a->leads && next != a) /* the next one in the ring leads from now on */
        next->leads = tree_insert(&rq->alarms, &next->node, a->node.key);
    a->set = a->leads = false;
}

static void ring(struct alarm *a)
{
    if (a->sleeper)
        thread_wake(a->sleeper);
    else
        notification_alarm(a);
}

void sched_ring_alarms(struct runqueue *rq)
{
    struct tree_node *first;

    if (READ_ONCE(rq->next_alarm_ns) > arch_clock_ns())
        return;
    raw_lock(&rq->alarms_locked);
    for (unsigned i = 0; i < RINGS_AT_ONCE && (first = tree_first(&rq->alarms)); i++) {
        if (first->key > arch_clock_ns())
            break;
        take_out(rq, alarm_of(first));
        ring(alarm_of(first));
    }
    note_next(rq);
    raw_unlock(&rq->alarms_locked);
}

void alarm_init(struct alarm *a, struct thread *sleeper)
{
    list_init(&a->same);
    a->sleeper = sleeper;
}

void alarm_set(struct alarm *a, u64 at_ns)
{
    struct runqueue *rq = this_cpu()->runqueue;

    a->rq = rq;
    raw_lock(&rq->alarms_locked);
    insert(rq, a, at_ns);
    note_next(rq);
    raw_unlock(&rq->alarms_locked);
}

bool alarm_stop(struct alarm *a)
{
    struct runqueue *rq = a->rq;

    if (!rq)
        return false;
    raw_lock(&rq->alarms_locked);
    bool was_set = a->set;
    if (was_set) {
        take_out(rq, a);
        note_next(rq);
    }
    raw_unlock(&rq->alarms_locked);
    return was_set;
}
