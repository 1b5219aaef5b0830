/* SPDX-License-Identifier: MIT */
/*
 * Endpoints: calls, sends, receives and replies, as <quire/ipc.h> describes them. This is the way that every message
 * can take; fast.c has a short cut for the most frequent one.
 *
 * Everything that can fail is done before the first change: extra_in() looks up and allocates, then the message is
 * delivered, which can't fail.
 */
#include "ipc.h"
#include <quire/counters.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/messages.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/process.h>
#include <quire/slab.h>
#include <uapi/quire/ipc.h>
#include <arch-generic/machine.h>

/* --- the state of a call ------------------------------------------------------------------------ */
static bool call_try_change(struct thread *caller, u64 word, enum call_state to)
{
    return __atomic_compare_exchange_n(&caller->ipc.call, &word, CALL_WORD(CALL_GENERATION(word), to), false,
                                       __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Only one CPU can make this change. */
static void call_change(struct thread *caller, enum call_state from, enum call_state to)
{
    u64 word = READ_ONCE(caller->ipc.call);

    KASSERT(CALL_STATE(word) == from, "a call of thread %s is in state %lu, not %u", caller->name, CALL_STATE(word),
            from);
    __atomic_store_n(&caller->ipc.call, CALL_WORD(CALL_GENERATION(word), to), __ATOMIC_RELEASE);
}

/* --- the end of a call --------------------------------------------------------------------------- */

bool duty_hold(const struct duty *duty)
{
    u64 held = CALL_WORD(CALL_GENERATION(duty->call), CALL_REPLYING);

    while (!call_try_change(duty->caller, duty->call, CALL_REPLYING)) {
        u64 word = __atomic_load_n(&duty->caller->ipc.call, __ATOMIC_ACQUIRE);
        if (word != held && word != duty->call) /* the other thread may have let go since */
            return false;
        cpu_relax(); /* another thread with the same reply object copies a piece of the window */
        shootdown_serve();
    }
    return true;
}

void duty_release(const struct duty *duty) { call_change(duty->caller, CALL_REPLYING, CALL_TAKEN); }

/* The caller's call is REPLYING, so it waits until this function has ended its wait. */
static void answer(struct thread *caller, s64 result, const struct trapframe *tf, struct extra *extra)
{
    struct trapframe *to = message_of(caller);

    if (tf)
        copy_words(to, tf);
    caller->ipc.gets = extra;
    tf_set_ret(to, result);
    thread_get(caller); /* it may go on, and end, as soon as it is answered */
    call_change(caller, CALL_REPLYING, CALL_ANSWERED);
    thread_wake(caller);
    thread_put(caller);
}

int duty_answer(struct duty *duty, s64 result, const struct trapframe *tf, struct extra *extra)
{
    struct thread *caller = duty->caller;
    bool irq = irq_save(); /* a caller whose time is over meanwhile waits until its registers are written */
    bool waits = duty_hold(duty);

    WRITE_ONCE(duty->caller, NULL); /* before the caller may end: priority.c finds it by the duty */
    if (waits) {
        thread_event(MM_EVENT_REPLY, current_thread()->id, caller->id, (u64)result);
        answer(caller, result, tf, extra);
    }
    irq_restore(irq);
    if (waits)
        return 0;
    extra_free(extra);
    thread_put(caller); /* its call_withdraw() has counted this reference */
    return -ESRCH;
}

/* --- delivering ---------------------------------------------------------------------------------- */
/*
 * The message of the thread `from`, whose frame is tf, is in the receiver's registers after this. got: QUIRE_GOT_*. A
 * call becomes TAKEN, and the receiver's duty. Under e's lock; the receiver is in no list.
 */
static void deliver(struct thread *from, u64 badge, struct trapframe *tf, struct thread *receiver, s64 got)
{
    struct trapframe *to = frame_of(receiver);
    struct extra *extra = from->ipc.sends;

    thread_event(MM_EVENT_MESSAGE, from->id, receiver->id, (u64)got);
    from->ipc.sends = NULL;
    copy_words(to, tf);
    *tf_info(to) = 0;
    receiver->ipc.badge = badge;
    receiver->ipc.gets = extra;
    tf_set_ret(to, got);
    if (got != QUIRE_GOT_CALL)
        return;
    u64 word = CALL_WORD(CALL_GENERATION(READ_ONCE(from->ipc.call)), CALL_TAKEN);
    from->ipc.server = receiver;
    receiver->ipc.duty = (struct duty){.caller = from, .call = word};
    if (extra && extra->has_window)
        extra_window(extra, &receiver->ipc.duty);
    __atomic_store_n(&from->ipc.call, word, __ATOMIC_RELEASE);
}

/* The same for a receiver that waits in e's list. */
static void deliver_to_waiting(struct thread *from, u64 badge, struct trapframe *tf, struct thread *receiver, s64 got)
{
    list_remove(&receiver->ipc.link);
    deliver(from, badge, tf, receiver, got);
    receiver->ipc.receiving = RECEIVE_GOT;
    WRITE_ONCE(from->ipc.lent, READ_ONCE(from->priority));
    unsigned priority = priority_of(receiver, NULL); /* it waits, so the queue is empty */
    WRITE_ONCE(receiver->priority, priority);
    if (!thread_wake(receiver)) /* something else has woken it, and it may be in a CPU's queue already */
        sched_set_priority(receiver, priority);
}

/* --- waiting --------------------------------------------------------------------------------------- */
bool ipc_sleep(u64 until)
{
    if (current_killed() || (until != ~0UL && arch_clock_ns() >= until)) {
        thread_withdraw_wait();
        return false;
    }
    thread_sleep_announced(until);
    return true;
}

/* The call was QUEUED or TAKEN; it is over for its caller. The result: what the caller gets. */
static s64 call_end(struct thread *self, s64 result)
{
    call_change(self, CALL_ANSWERED, CALL_IDLE);
    return result;
}

static bool leave_queue(struct endpoint *e, struct thread *self)
{
    bool irq = spin_lock_irqsave(&e->lock);
    bool queued = CALL_STATE(READ_ONCE(self->ipc.call)) == CALL_QUEUED;

    if (queued) {
        list_remove(&self->ipc.link);
        priority_uncount(e, self);
        call_change(self, CALL_QUEUED, CALL_IDLE);
    }
    spin_unlock_irqrestore(&e->lock, irq);
    return queued;
}

/*
 * Takes back a call, and what it lends. e NULL: it was never queued. False: it is answered, or just being answered.
 * Whoever has the duty to answer has a reference to self after this, because self doesn't wait for the answer any more.
 */
static bool call_withdraw(struct endpoint *e, struct thread *self)
{
    u64 taken = CALL_WORD(CALL_GENERATION(READ_ONCE(self->ipc.call)), CALL_TAKEN);
    bool irq = priority_begin(), queued = e && leave_queue(e, self), back = queued;

    if (!queued) {
        thread_get(self);
        back = call_try_change(self, taken, CALL_IDLE);
        if (!back)
            thread_put(self);
    }
    if (back)
        priority_spread(queued ? e->server : self->ipc.server);
    priority_end(irq);
    return back;
}

static s64 call_wait(struct endpoint *e, struct trapframe *tf, u64 until)
{
    struct thread *self = current_thread();

    for (;;) {
        thread_announce_wait();
        u32 state = CALL_STATE(__atomic_load_n(&self->ipc.call, __ATOMIC_ACQUIRE));
        if (state == CALL_ANSWERED) {
            thread_withdraw_wait();
            if (e)
                leave_queue(e, self); /* whoever closes e wakes self under e's lock: self must not be gone by then */
            return call_end(self, tf_ret(tf));
        }
        if (!ipc_sleep(until) && call_withdraw(e, self))
            return ipc_why_over();
        /* If it couldn't be withdrawn, the answer is there at once: whoever writes it has interrupts off. */
    }
}

void ipc_resume_call(struct thread *self)
{
    struct trapframe *tf = frame_of(self);
    s64 result = call_wait(NULL, tf, ~0UL);

    *tf_info(tf) = extra_out(self->ipc.gets, result == 0 ? *tf_extra(tf) : 0);
    self->ipc.gets = NULL;
    tf_set_ret(tf, result);
}

/* --- system calls: sending ----------------------------------------------------------------------------- */
/* What a sender brings along, ready to be sent. */
static int prepare(struct thread *self, struct trapframe *tf)
{
    int err;

    self->ipc.sends = extra_in(*tf_info(tf), *tf_extra(tf), &err);
    return err;
}

static void drop_sent(struct thread *self)
{
    extra_free(self->ipc.sends);
    self->ipc.sends = NULL;
}

/* The call goes into the queue, or to a receiver that waits. False: e is closed. */
static bool hand_in(struct endpoint *e, struct thread *self, struct trapframe *tf)
{
    u64 generation = CALL_GENERATION(self->ipc.call) + 1;
    bool irq = spin_lock_irqsave(&e->lock), open = READ_ONCE(e->nr_receive) != 0, slow_server = false;

    if (open && list_empty(&e->receivers)) {
        thread_event(MM_EVENT_CALL, self->id, (u64)e, 0);
        priority_count(e, self);
        __atomic_store_n(&self->ipc.call, CALL_WORD(generation, CALL_QUEUED), __ATOMIC_RELEASE);
        list_push_back(&e->callers, &self->ipc.link);
        slow_server = e->server && READ_ONCE(e->server->priority) < self->ipc.lent;
    } else if (open) {
        WRITE_ONCE(self->ipc.call, CALL_WORD(generation, CALL_IDLE));
        deliver_to_waiting(self, self->ipc.badge, tf, first_of(&e->receivers), QUIRE_GOT_CALL);
    }
    spin_unlock_irqrestore(&e->lock, irq);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the call's word is stored: priority.c */
    if (open && (slow_server || READ_ONCE(self->priority) != READ_ONCE(self->ipc.lent)))
        priority_lend(self);
    return open;
}

s64 ipc_call(struct endpoint *e, u64 badge, struct trapframe *tf, u64 until)
{
    struct thread *self = current_thread();
    s64 result = prepare(self, tf);

    counter_inc(COUNTER_MESSAGES_SLOW);
    if (result)
        return result;
    self->ipc.badge = badge;
    self->ipc.frame = tf;
    result = hand_in(e, self, tf) ? call_wait(e, tf, until) : -EPIPE;
    self->ipc.frame = NULL;
    drop_sent(self);
    *tf_info(tf) = extra_out(self->ipc.gets, result == 0 ? *tf_extra(tf) : 0);
    self->ipc.gets = NULL;
    return result;
}

s64 ipc_call_words(struct endpoint *e, u64 badge, u64 *words)
{
    struct trapframe message = {0};

    for (unsigned i = 0; i < QUIRE_MESSAGE_WORDS; i++)
        *tf_word(&message, i) = words[i];
    s64 result = ipc_call(e, badge, &message, ~0UL);
    for (unsigned i = 0; i < QUIRE_MESSAGE_WORDS; i++)
        words[i] = *tf_word(&message, i);
    return result;
}

s64 ipc_send(struct endpoint *e, u64 badge, struct trapframe *tf)
{
    struct thread *self = current_thread();
    s64 result = prepare(self, tf);

    if (result)
        return result;
    bool irq = spin_lock_irqsave(&e->lock);
    if (!READ_ONCE(e->nr_receive))
        result = -EPIPE;
    else if (list_empty(&e->receivers))
        result = -EAGAIN;
    else
        deliver_to_waiting(self, badge, tf, first_of(&e->receivers), QUIRE_GOT_SEND);
    spin_unlock_irqrestore(&e->lock, irq);
    drop_sent(self);
    return result;
}

/* --- system calls: receiving ----------------------------------------------------------------------------- */
/* Takes a signal or the first waiting call, if there is one. 0: there is none. Under e's lock. */
static s64 receive_now(struct endpoint *e, struct thread *self, struct trapframe *tf)
{
    u64 bits = e->bound ? notification_take(e->bound) : 0;

    if (bits) {
        *tf_word(tf, 0) = bits;
        *tf_info(tf) = 0;
        self->ipc.badge = 0;
        return QUIRE_GOT_SIGNAL;
    }
    if (list_empty(&e->callers))
        return 0;
    struct thread *caller = first_of(&e->callers);
    list_remove(&caller->ipc.link);
    priority_uncount(e, caller);
    deliver(caller, caller->ipc.badge, message_of(caller), self, QUIRE_GOT_CALL);
    if (priority_of(self, e) != self->priority)
        sched_set_priority(self, priority_of(self, e));
    return QUIRE_GOT_CALL;
}

void endpoint_signal(struct endpoint *e)
{
    bool irq = spin_lock_irqsave(&e->lock);

    if (!list_empty(&e->receivers)) {
        struct thread *receiver = first_of(&e->receivers);
        s64 got = receive_now(e, receiver, frame_of(receiver));
        if (got) {
            list_remove(&receiver->ipc.link);
            tf_set_ret(frame_of(receiver), got);
            receiver->ipc.receiving = RECEIVE_GOT;
            thread_wake(receiver);
        }
    }
    spin_unlock_irqrestore(&e->lock, irq);
}

/* The receiver has announced that it waits. True: it got something, or waits no more; *result. */
static bool receive_look(struct endpoint *e, struct thread *self, struct trapframe *tf, bool over, s64 *result)
{
    bool irq = spin_lock_irqsave(&e->lock), done = true;

    if (self->ipc.receiving == RECEIVE_GOT) {
        *result = tf_ret(tf);
    } else if (over) {
        list_remove(&self->ipc.link);
        *result = ipc_why_over();
    } else if (self->ipc.receiving == RECEIVE_IDLE) {
        *result = READ_ONCE(e->nr_receive) ? receive_now(e, self, tf) : -EPIPE;
        done = *result != 0;
        if (!done) {
            self->ipc.receiving = RECEIVE_WAITS;
            list_push_back(&e->receivers, &self->ipc.link);
        }
    } else {
        done = false; /* somebody woke it for nothing */
    }
    if (done)
        self->ipc.receiving = RECEIVE_IDLE;
    spin_unlock_irqrestore(&e->lock, irq);
    return done;
}

static s64 receive_wait(struct thread *self, struct trapframe *tf, u64 extra, u64 until)
{
    struct endpoint *e = self->ipc.endpoint;
    bool over = false;
    s64 result = 0;

    for (;;) {
        self->ipc.fast = until == ~0UL && !self->traced;
        thread_announce_wait();
        if (receive_look(e, self, tf, over, &result))
            break;
        over = !ipc_sleep(until);
    }
    thread_withdraw_wait();
    if (result == QUIRE_GOT_SIGNAL && current_killed())
        notification_signal(e->bound, *tf_word(tf, 0)); /* self was dead already: another receiver gets them */
    *tf_info(tf) = extra_out(self->ipc.gets, result > 0 ? extra : 0);
    self->ipc.gets = NULL;
    *tf_extra(tf) = result > 0 ? self->ipc.badge : 0; /* else it is that of a handle that self has called */
    return result;
}

s64 ipc_receive(struct endpoint *e, struct trapframe *tf, u64 until)
{
    struct thread *self = current_thread();

    if (self->ipc.duty.caller)
        duty_answer(&self->ipc.duty, -EPIPE, NULL, NULL);
    priority_settle(self);
    priority_receive_from(self, e);
    return receive_wait(self, tf, *tf_extra(tf), until);
}

void ipc_resume_receive(struct thread *self)
{
    struct trapframe *tf = frame_of(self);

    tf_set_ret(tf, receive_wait(self, tf, *tf_extra(tf), ~0UL));
}

/* --- system calls: replying ------------------------------------------------------------------------------ */
/* Answers with the message in tf; the duty is over, but for an error in the message itself. */
static s64 reply(struct duty *duty, struct trapframe *tf)
{
    int err;
    struct extra *extra = extra_in(*tf_info(tf) & ~QUIRE_INFO_WINDOW, *tf_extra(tf), &err);

    return err ? err : duty_answer(duty, 0, tf, extra);
}

s64 ipc_reply(struct trapframe *tf)
{
    struct thread *self = current_thread();

    if (!self->ipc.duty.caller)
        return -ESRCH;
    s64 result = reply(&self->ipc.duty, tf);
    priority_settle(self);
    return result;
}

bool duty_look(struct reply *r, struct duty *copy)
{
    if (r)
        spin_lock(&r->lock);
    *copy = r ? r->duty : current_thread()->ipc.duty;
    if (copy->caller)
        thread_get(copy->caller);
    if (r)
        spin_unlock(&r->lock);
    return copy->caller != NULL;
}

static struct duty take_duty(struct reply *r)
{
    spin_lock(&r->lock);
    struct duty duty = r->duty;
    r->duty.caller = NULL;
    spin_unlock(&r->lock);
    return duty;
}

s64 ipc_reply_to(struct reply *r, struct trapframe *tf)
{
    struct duty duty = take_duty(r);

    if (!duty.caller)
        return -ESRCH;
    s64 result = reply(&duty, tf);
    if (duty.caller) { /* the message was wrong: the duty stays */
        spin_lock(&r->lock);
        r->duty = duty;
        spin_unlock(&r->lock);
    }
    return result;
}

struct reply *reply_save(int *err)
{
    struct duty *duty = &current_thread()->ipc.duty;

    *err = duty->caller ? -ENOMEM : -ESRCH;
    struct reply *r = duty->caller ? object_alloc(OBJECT_REPLY, sizeof(*r)) : NULL;
    if (!r)
        return NULL;
    bool irq = priority_begin();
    if (READ_ONCE(duty->caller->ipc.call) == duty->call)
        duty->caller->ipc.server = NULL; /* from now on it lends nothing */
    r->duty = *duty;
    WRITE_ONCE(duty->caller, NULL);
    priority_spread(current_thread());
    priority_end(irq);
    return r;
}

/* --- ends --------------------------------------------------------------------------------------------- */
void ipc_thread_ends(void)
{
    struct duty *duty = &current_thread()->ipc.duty;

    if (duty->caller)
        duty_answer(duty, -EPIPE, NULL, NULL);
    priority_receive_from(current_thread(), NULL);
    notification_thread_ends();
}

static void reply_destroy(struct reply *r)
{
    if (r->duty.caller)
        duty_answer(&r->duty, -EPIPE, NULL, NULL);
    object_free(&r->object);
}

/* Ends the wait of the first thread in this queue of e's. False: there is none. Under e's lock. */
static bool close_one(struct endpoint *e, struct list *queue, bool calls)
{
    if (list_empty(queue))
        return false;
    struct thread *t = first_of(queue);
    list_remove(&t->ipc.link);
    if (calls)
        priority_uncount(e, t);
    tf_set_ret(message_of(t), -EPIPE);
    if (calls)
        call_change(t, CALL_QUEUED, CALL_ANSWERED);
    else
        t->ipc.receiving = RECEIVE_GOT;
    thread_wake(t);
    return true;
}

/* Nobody can receive from e any more: all that wait at it wait no more. */
static void endpoint_close(struct endpoint *e)
{
    for (bool more = true; more; preempt_point()) {
        bool irq = spin_lock_irqsave(&e->lock);
        more = close_one(e, &e->callers, true) || close_one(e, &e->receivers, false);
        spin_unlock_irqrestore(&e->lock, irq);
    }
    bool irq = priority_begin();
    priority_spread(e->server); /* nobody in the queue lends it anything now */
    priority_end(irq);
}

struct endpoint *endpoint_create(void)
{
    struct endpoint *e = object_alloc(OBJECT_ENDPOINT, sizeof(*e));

    if (e) {
        list_init(&e->callers);
        list_init(&e->receivers);
    }
    return e;
}

void object_opened(struct object *o, u32 rights)
{
    if (o->type == OBJECT_ENDPOINT && rights & RIGHT_RECEIVE)
        __atomic_fetch_add(&((struct endpoint *)o)->nr_receive, 1, __ATOMIC_SEQ_CST);
}

void object_closed(struct object *o, u32 rights)
{
    struct endpoint *e = (struct endpoint *)o;

    if (o->type == OBJECT_ENDPOINT && rights & RIGHT_RECEIVE &&
        __atomic_sub_fetch(&e->nr_receive, 1, __ATOMIC_SEQ_CST) == 0)
        endpoint_close(e);
    if (o->type == OBJECT_NOTIFICATION)
        notification_closed((struct notification *)o);
}

void ipc_destroy(struct object *o)
{
    if (o->type == OBJECT_REPLY) {
        reply_destroy((struct reply *)o);
    } else if (o->type == OBJECT_NOTIFICATION) {
        notification_destroy((struct notification *)o);
    } else {
        struct endpoint *e = (struct endpoint *)o;
        KASSERT(list_empty(&e->callers) && list_empty(&e->receivers), "an endpoint ends while threads wait at it");
        if (e->bound)
            notification_unbind(e->bound);
        priority_gone(e);
        object_free(o);
    }
}
