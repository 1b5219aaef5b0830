/* SPDX-License-Identifier: MIT */
/*
 * Priorities that callers lend: the rule is in <quire/ipc.h>.
 *
 * A thread's priority is written under the lock of the endpoint from which it receives, so it is computed from a duty
 * and a queue that stay. The short cuts hold this lock in any case, and lend by one store each: the caller's priority
 * when the server takes a call, the server's own when it answers and nobody is in the queue. They don't change an
 * endpoint's server.
 *
 * All else is done under priority_lock, one for the machine: a change of a thread's own priority, a caller that goes
 * into a queue in front of a server that is less urgent, or that takes back its call, a duty that is over. Each of
 * these goes from the thread to the one that it waits for, and so on, as long as priorities change, at most
 * PRIORITY_STEPS times. Where all threads are equally urgent nobody takes this lock, but for calls that are taken back
 * and threads that change or leave the endpoint from which they receive.
 *
 * What the walk meets stays while priority_lock is held:
 *   a server whose caller's call is TAKEN    ends in priority_receive_from(), which takes the lock
 *   the caller of a server's duty            its descriptor is freed after ipc_thread_gone(), which takes the lock;
 *                                            before it may end, the duty is over, or has a reference to it
 *   the endpoint of a QUEUED call            is freed after priority_gone(), which takes the lock
 *   the endpoint from which a thread receives, and the endpoint's server: both change under the lock
 *
 * A thread's priority may change just when its call becomes QUEUED or TAKEN. Then one of the two sees what the other
 * has stored: the caller stores the call's word and reads its priority again, the other stores the priority and reads
 * the word.
 *
 * Lock order: priority_lock, one endpoint's lock, the scheduler's.
 */
#include "ipc.h"
#include <quire/endpoint.h>
#include <quire/log.h>
#include <quire/upcalls.h>

static spinlock_t priority_lock;
LOCK_ORDER_STATIC(26, priority_lock);

bool priority_begin(void) { return spin_lock_irqsave(&priority_lock); }
void priority_end(bool irq) { spin_unlock_irqrestore(&priority_lock, irq); }

/* Nobody looks at what the caller has made impossible to find any more. */
static void wait_for_walks(void) { priority_end(priority_begin()); }
void ipc_thread_gone(void) { wait_for_walks(); }

/* --- a queue ------------------------------------------------------------------------------------------- */
void priority_count(struct endpoint *e, struct thread *caller)
{
    unsigned lent = READ_ONCE(caller->priority);

    caller->ipc.calls = e;
    WRITE_ONCE(caller->ipc.lent, lent); /* hand_in() reads it without the lock */
    e->nr_waiting[lent]++;
}

void priority_uncount(struct endpoint *e, struct thread *caller) { e->nr_waiting[caller->ipc.lent]--; }

static unsigned most_urgent(const struct endpoint *e)
{
    unsigned p = NR_PRIORITIES - 1;

    while (p > PRIORITY_IDLE && !e->nr_waiting[p])
        p--;
    return p;
}

/* --- a thread ------------------------------------------------------------------------------------------- */
unsigned priority_of(const struct thread *t, const struct endpoint *e)
{
    unsigned priority = READ_ONCE(t->own_priority);
    const struct thread *caller = READ_ONCE(t->ipc.duty.caller);

    if (caller) {
        u64 word = READ_ONCE(caller->ipc.call);
        bool waits = CALL_STATE(word) == CALL_TAKEN || CALL_STATE(word) == CALL_REPLYING;
        if (waits && CALL_GENERATION(word) == CALL_GENERATION(READ_ONCE(t->ipc.duty.call)))
            priority = MAX(priority, READ_ONCE(caller->priority));
    }
    return e && e->server == t ? MAX(priority, most_urgent(e)) : priority;
}

/* True: t's priority has changed. Under priority_lock. */
static bool settle(struct thread *t)
{
    struct endpoint *e = t->ipc.endpoint;

    if (e)
        spin_lock(&e->lock);
    bool changes = false;
    /* Again after the store: t's duty may have ended meanwhile, and t has found its priority unchanged. */
    for (unsigned priority; (priority = priority_of(t, e)) != READ_ONCE(t->priority); changes = true)
        sched_set_priority(t, priority);
    if (e)
        spin_unlock(&e->lock);
    return changes;
}

/* Who works for t, so that t's call gets on; NULL: nobody. A call in a queue is counted anew. Under priority_lock. */
static struct thread *works_for(struct thread *t)
{
    u32 state = CALL_STATE(__atomic_load_n(&t->ipc.call, __ATOMIC_ACQUIRE));
    struct thread *server = NULL;

    if (state == CALL_QUEUED) {
        struct endpoint *e = t->ipc.calls;
        spin_lock(&e->lock);
        state = CALL_STATE(READ_ONCE(t->ipc.call));
        if (state == CALL_QUEUED) {
            priority_uncount(e, t);
            priority_count(e, t);
            server = e->server;
        }
        spin_unlock(&e->lock);
    }
    return state == CALL_TAKEN || state == CALL_REPLYING ? t->ipc.server : server;
}

void priority_spread(struct thread *t)
{
    for (unsigned step = 0; t && step < PRIORITY_STEPS && settle(t); step++)
        t = works_for(t);
}

/* --- what changes it -------------------------------------------------------------------------------------- */
void priority_lend(struct thread *self)
{
    bool irq = priority_begin();

    priority_spread(works_for(self));
    priority_end(irq);
}

void priority_settle(struct thread *self)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the duty is over, then look: settle() does it the other way round */
    if (READ_ONCE(self->priority) == READ_ONCE(self->own_priority))
        return; /* nothing is lent to it, or it gets no more by it */
    bool irq = priority_begin();
    priority_spread(self);
    priority_end(irq);
}

unsigned ipc_set_own_priority(struct thread *t, unsigned priority)
{
    bool irq = priority_begin();
    unsigned was = t->own_priority;

    WRITE_ONCE(t->own_priority, priority);
    priority_spread(t);
    priority_end(irq);
    return was;
}

/* Makes t the server of e, or of nothing; returns who was it. Under priority_lock. */
static struct thread *change_server(struct endpoint *e, struct thread *from, struct thread *to)
{
    spin_lock(&e->lock);
    struct thread *was = e->server;
    if (!from || was == from)
        WRITE_ONCE(e->server, to);
    spin_unlock(&e->lock);
    return was == to ? NULL : was;
}

void priority_receive_from(struct thread *self, struct endpoint *e)
{
    struct endpoint *last = self->ipc.endpoint;
    struct thread *other = NULL;

    if (e != last || (e && READ_ONCE(e->server) != self)) {
        bool irq = priority_begin();
        if (last && last != e)
            change_server(last, self, NULL);
        self->ipc.endpoint = e;
        if (e)
            other = change_server(e, NULL, self);
        priority_spread(other);
        priority_spread(self);
        priority_end(irq);
    }
    object_put((struct object *)last);
}

void priority_gone(struct endpoint *e)
{
    KASSERT(!e->server, "an endpoint ends while a thread receives from it");
    wait_for_walks();
}
