/* SPDX-License-Identifier: MIT */
/*
 * Notifications: 64 bits that anybody may or in, and that a thread waits for. A bit that is set twice before somebody
 * looks is one bit. A signal gives its bits to the first waiter that wants them, under the notification's lock: the
 * first word in the waiter's frame is the mask of bits that it waits for, and then the bits that it has got. Who is in
 * the list waits; who isn't any more has got bits.
 *
 * A waiter without a time limit rests (kernel/sched/rest.c): its kernel stack holds nothing. So it keeps the reference
 * to its notification until it waits for another one, closes it or ends.
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
#include <quire/mm_event.h>
#include <quire/process.h>
#include <arch-generic/machine.h>

#define WAITERS_AT_ONCE 32

struct notification *notification_create(void)
{
    struct notification *n = object_alloc(OBJECT_NOTIFICATION, sizeof(*n));

    if (n) {
        list_init(&n->waiters);
        alarm_init(&n->timer, NULL);
    }
    return n;
}

static void resume_wait(struct thread *self);

/* w is among the waiters of n. It gets the bits that it waits for, if there are any. Under n's lock. */
static void deliver(struct notification *n, struct thread *w)
{
    u64 *word = tf_word(frame_of(w), 0), bits = READ_ONCE(n->bits) & *word;

    if (!bits || (w->process && process_seems_killed(w->process))) /* a killed one takes itself out */
        return;
    __atomic_fetch_and(&n->bits, ~bits, __ATOMIC_SEQ_CST);
    list_remove(&w->ipc.link);
    *word = bits;
    if (READ_ONCE(w->resume) != resume_wait || !sched_wake_at_rest(w)) /* else it has all that it waited for */
        thread_wake(w);
}

/*
 * Looks at the first of these waiters, for as long as there are bits. They wait on at n, but for those that get bits.
 * False: that is all. Under n's lock.
 */
static bool deliver_to_some(struct notification *n, struct list *waiters)
{
    for (unsigned i = 0; i < WAITERS_AT_ONCE && !list_empty(waiters) && READ_ONCE(n->bits); i++) {
        struct thread *w = first_of(waiters);
        list_remove(&w->ipc.link);
        list_push_back(&n->waiters, &w->ipc.link);
        deliver(n, w);
    }
    if (!READ_ONCE(n->bits))
        list_push_all(&n->waiters, waiters);
    return !list_empty(waiters);
}

/*
 * A program chooses how many threads wait. So the lock is dropped after WAITERS_AT_ONCE of them, and interrupts come if
 * the caller allows them. Those who waited when the bits were set are in a list of this call meanwhile, which they may
 * leave; whoever joins the notification's list later has seen the bits. Returns what spin_lock_irqsave() returned last.
 */
static __noinline bool deliver_to_many(struct notification *n, bool irq)
{
    struct list waiters;

    list_init(&waiters);
    list_push_all(&waiters, &n->waiters);
    do {
        spin_unlock_irqrestore(&n->lock, irq);
        irq = spin_lock_irqsave(&n->lock);
    } while (deliver_to_some(n, &waiters));
    return irq;
}

/* The usual case, a few waiters, needs no list of its own. Returns the same. */
static __noinline bool deliver_to_all(struct notification *n, bool irq)
{
    struct list *next = n->waiters.next;

    for (unsigned i = 0; i < WAITERS_AT_ONCE; i++) {
        struct list *node = next;
        if (node == &n->waiters || !READ_ONCE(n->bits))
            return irq;
        next = node->next;
        deliver(n, list_entry(node, struct thread, ipc.link));
    }
    return deliver_to_many(n, irq);
}

void notification_signal(struct notification *n, u64 bits)
{
    bool irq = spin_lock_irqsave(&n->lock);

    thread_event(MM_EVENT_SIGNAL, current_thread()->id, (u64)n, bits);
    __atomic_fetch_or(&n->bits, bits, __ATOMIC_SEQ_CST);
    if (!list_empty(&n->waiters))
        irq = deliver_to_all(n, irq);
    if (n->endpoint)
        endpoint_signal(n->endpoint);
    spin_unlock_irqrestore(&n->lock, irq);
}

/* --- waiting ------------------------------------------------------------------------------------- */
/* Takes the bits of self's mask, or makes self a waiter. Whether there were any. */
static bool begin(struct notification *n, struct thread *self)
{
    bool irq = spin_lock_irqsave(&n->lock);
    u64 *word = tf_word(frame_of(self), 0);
    u64 bits = __atomic_fetch_and(&n->bits, ~*word, __ATOMIC_SEQ_CST) & *word;

    if (bits)
        *word = bits;
    else
        list_push_back(&n->waiters, &self->ipc.link);
    spin_unlock_irqrestore(&n->lock, irq);
    return bits;
}

/* Whether self is still a waiter. The next signal finds where self goes on. */
static bool still_waits(struct notification *n, struct thread *self, bool rests)
{
    bool irq = spin_lock_irqsave(&n->lock), waits = !list_empty(&self->ipc.link);

    WRITE_ONCE(self->resume, rests ? resume_wait : NULL);
    spin_unlock_irqrestore(&n->lock, irq);
    return waits;
}

/* self is no waiter after this. Whether it has got bits. */
static bool end(struct notification *n, struct thread *self)
{
    bool irq = spin_lock_irqsave(&n->lock), waits = !list_empty(&self->ipc.link);

    if (waits)
        list_remove(&self->ipc.link);
    spin_unlock_irqrestore(&n->lock, irq);
    return !waits;
}

/* Sleeps once, or not at all if the caller is killed or its time is over: false then. */
static bool sleep(struct thread *self, u64 until, bool rests)
{
    if (!rests || current_killed())
        return ipc_sleep(until);
    sched_leave_waiting(self);
    return true;
}

/* self is a waiter. */
static s64 wait(struct notification *n, struct thread *self, u64 until)
{
    bool rests = sched_rests && until == ~0UL && !self->traced; /* a tracer is told about the end of the system call */

    do {
        thread_announce_wait();
    } while (still_waits(n, self, rests) && sleep(self, until, rests));
    thread_withdraw_wait();
    bool got = end(n, self);
    if (got && current_killed())
        notification_signal(n, *tf_word(frame_of(self), 0)); /* self was dead already: another waiter gets them */
    return got && !current_killed() ? 0 : ipc_why_over();
}

/* The reference to the notification for which self waits, or has waited at rest. */
static void drop(struct thread *self)
{
    struct notification *n = self->ipc.waits_for;

    self->ipc.waits_for = NULL;
    object_put((struct object *)n);
}

static void resume_wait(struct thread *self)
{
    tf_set_ret(frame_of(self), wait(self->ipc.waits_for, self, ~0UL));
    drop(self);
}

s64 notification_wait(struct notification *n, u64 until)
{
    struct thread *self = current_thread();
    s64 result = 0;

    drop(self);
    self->ipc.waits_for = n;
    if (!begin(n, self)) {
        tf_set_ret(frame_of(self), 0); /* for a waiter at rest */
        result = wait(n, self, until);
    }
    drop(self);
    return result;
}

void notification_thread_ends(void) { drop(current_thread()); }

void notification_closed(struct notification *n)
{
    if (current_thread()->ipc.waits_for == n)
        drop(current_thread());
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
