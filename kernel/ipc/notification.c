/* SPDX-License-Identifier: MIT */
/*
 * Notifications: 64 bits that anybody may or in, and that a thread waits for. A bit that is set twice before somebody
 * looks is one bit. A signal stores its bits first and looks for waiters then; a waiter announces that it waits first
 * and looks at the bits then; both under the notification's lock, so no signal is lost.
 *
 * A notification may be bound to one endpoint: then whoever receives from the endpoint gets its bits, too.
 *
 * Each notification has one timer, which is an alarm. So a program pays for its timers with its notifications, and they
 * end together.
 */
#include "ipc.h"
#include <quire/console.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/messages.h>
#include <arch-generic/machine.h>

struct notification *notification_create(void)
{
    struct notification *n = object_alloc(OBJECT_NOTIFICATION, sizeof(*n));

    if (n) {
        list_init(&n->waiters);
        alarm_init(&n->timer, NULL);
    }
    return n;
}

void notification_signal(struct notification *n, u64 bits)
{
    bool irq = spin_lock_irqsave(&n->lock);

    __atomic_fetch_or(&n->bits, bits, __ATOMIC_SEQ_CST);
    list_for_each(node, &n->waiters)
        thread_wake(list_entry(node, struct thread, ipc.link));
    if (n->endpoint)
        endpoint_signal(n->endpoint);
    spin_unlock_irqrestore(&n->lock, irq);
}

/* Takes the bits of the mask; without any, and if `stay`, the caller is among the waiters after this. */
static u64 take(struct notification *n, u64 mask, bool stay)
{
    struct thread *self = current_thread();
    bool irq = spin_lock_irqsave(&n->lock);
    u64 bits = __atomic_fetch_and(&n->bits, ~mask, __ATOMIC_SEQ_CST) & mask;

    if (!list_empty(&self->ipc.link) && (bits || !stay))
        list_remove(&self->ipc.link);
    else if (list_empty(&self->ipc.link) && !bits && stay)
        list_push_back(&n->waiters, &self->ipc.link);
    spin_unlock_irqrestore(&n->lock, irq);
    return bits;
}

s64 notification_wait(struct notification *n, u64 mask, u64 until, u64 *bits)
{
    bool in_time = true;

    for (;;) {
        thread_announce_wait();
        *bits = take(n, mask, in_time);
        if (*bits || !in_time)
            break;
        in_time = ipc_sleep(until);
    }
    thread_withdraw_wait();
    if (!*bits || !current_killed())
        return *bits ? 0 : ipc_why_over();
    notification_signal(n, *bits); /* the caller is dead already: another waiter gets them */
    return -EINTR;
}

/* --- the timer ----------------------------------------------------------------------------------- */
bool notification_timer(struct notification *n, u64 bits, u64 at_ns)
{
    bool irq = spin_lock_irqsave(&n->timer_lock), was_set = alarm_stop(&n->timer);

    n->timer_bits = bits;
    if (bits)
        alarm_set(&n->timer, at_ns);
    sched_rearm_timer();
    spin_unlock_irqrestore(&n->timer_lock, irq);
    return was_set;
}

void notification_alarm(struct alarm *timer)
{
    struct notification *n = container_of(timer, struct notification, timer);

    notification_signal(n, n->timer_bits);
}

/* --- binding, and the end ------------------------------------------------------------------------- */
void notification_may_listen(struct notification *n) { WRITE_ONCE(n->listens, true); }

int notification_bind(struct notification *n, struct endpoint *e)
{
    bool irq = spin_lock_irqsave(&n->lock);

    spin_lock(&e->lock);
    bool possible = !n->endpoint && !e->bound && list_empty(&n->waiters);
    if (possible) {
        object_get(&n->object);
        e->bound = n;
        n->endpoint = e;
    }
    spin_unlock(&e->lock);
    if (possible && READ_ONCE(n->bits))
        endpoint_signal(e);
    spin_unlock_irqrestore(&n->lock, irq);
    return possible ? 0 : -EBUSY;
}

void notification_unbind(struct notification *n)
{
    bool irq = spin_lock_irqsave(&n->lock);

    n->endpoint = NULL;
    spin_unlock_irqrestore(&n->lock, irq);
    object_put(&n->object);
}

void notification_destroy(struct notification *n)
{
    if (n->listens)
        console_listen(n, 0);
    if (n->interrupts)
        interrupts_forget(n);
    bool irq = irq_save();
    alarm_stop(&n->timer);
    irq_restore(irq);
    KASSERT(list_empty(&n->waiters), "a notification ends while threads wait for it");
    object_free(&n->object);
}
