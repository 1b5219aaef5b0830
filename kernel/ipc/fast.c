/* SPDX-License-Identifier: MIT */
/*
 * The short cut for the most frequent message: a call of six words to a server that waits, and its reply. The CPU goes
 * straight from the caller to the server and back; no queue, no timer, no other CPU takes part.
 *
 * Both functions check everything before they change anything. If something is out of the ordinary they return, nothing
 * has changed, and the way of endpoint.c does the work. With FASTPATH=0 that is the only way. Interrupts are off.
 */
#include "ipc.h"
#include <quire/endpoint.h>
#include <quire/mm.h>
#include <quire/process.h>
#include <uapi/quire/ipc.h>

#if QUIRE_FASTPATH
/* The endpoint that this handle names, with these rights; NULL: something else. The table stays locked if it is found. */
static inline struct endpoint *look(struct handle_table *t, u64 number, u32 rights, u64 *badge)
{
    if (unlikely(!spin_trylock(&t->lock)))
        return NULL;
    const struct handle *h = handle_slot(t, number);
    if (likely(h && h->object && h->object->type == OBJECT_ENDPOINT && (h->rights & rights) == rights)) {
        *badge = h->badge;
        return (struct endpoint *)h->object;
    }
    spin_unlock(&t->lock);
    return NULL;
}

/* The caller stops here, until somebody answers or delivers. */
static inline void stop(struct thread *self, s64 (*resume)(struct thread *))
{
    self->resume = resume;
    thread_announce_wait();
    if (unlikely(process_killed(self->process)))
        thread_wake(self); /* the kill may have come before the wait: the CPU lets self go on after the hand-over */
}

/* e is locked and open. False: nothing has changed. */
static inline bool give_to_receiver(struct endpoint *e, u64 badge, struct thread *self, struct trapframe *tf,
                                    struct thread **server)
{
    struct thread *r = first_of(&e->receivers);

    if (unlikely(list_empty(&e->receivers) || !r->ipc.fast || !sched_claim(r)))
        return false;
    struct trapframe *to = frame_of(r);
    u64 word = CALL_WORD(CALL_GENERATION(self->ipc.call) + 1, CALL_TAKEN);
    list_remove(&r->ipc.link);
    r->ipc.receiving = RECEIVE_IDLE;
    copy_words(to, tf);
    *tf_info(to) = 0;
    *tf_extra(to) = badge;
    tf_set_ret(to, QUIRE_GOT_CALL);
    thread_get(self);
    r->ipc.duty.caller = self;
    r->ipc.duty.call = word;
    WRITE_ONCE(r->priority, MAX(r->own_priority, self->priority));
    __atomic_store_n(&self->ipc.call, word, __ATOMIC_RELEASE);
    *server = r;
    return true;
}

void ipc_fast_call(struct trapframe *tf)
{
    struct thread *self = current_thread(), *server;
    struct handle_table *t = &self->process->handles;
    u64 badge;

    if (unlikely(*tf_info(tf) || this_cpu()->user_work))
        return;
    struct endpoint *e = look(t, tf_arg(tf, 0), RIGHT_CALL, &badge);
    if (unlikely(!e))
        return;
    bool given = false;
    if (likely(spin_trylock(&e->lock))) {
        given = give_to_receiver(e, badge, self, tf, &server);
        spin_unlock(&e->lock);
    }
    spin_unlock(&t->lock);
    if (unlikely(!given))
        return;
    stop(self, ipc_resume_call);
    sched_hand_over(self, server);
}

/* Whether the caller waits in this call, and its kernel stack holds nothing. For sure only while it can't run. */
static inline bool waits_here(const struct thread *caller, u64 word)
{
    return READ_ONCE(caller->ipc.call) == word && READ_ONCE(caller->resume) == ipc_resume_call;
}

/* Answers the caller of self's duty with the words in tf. False: nothing has changed. */
static inline bool answer_caller(struct thread *self, struct trapframe *tf, struct thread *caller)
{
    u64 word = self->ipc.duty.call;

    if (unlikely(!waits_here(caller, word) || !sched_claim(caller)))
        return false;
    if (unlikely(!waits_here(caller, word))) { /* it was killed meanwhile, and was blocked by something else */
        sched_unclaim(caller);
        return false;
    }
    struct trapframe *to = frame_of(caller);
    copy_words(to, tf);
    *tf_info(to) = 0;
    tf_set_ret(to, 0);
    caller->ipc.call = CALL_WORD(CALL_GENERATION(word), CALL_IDLE);
    self->ipc.duty.caller = NULL;
    WRITE_ONCE(self->priority, self->own_priority);
    thread_put(caller);
    return true;
}

void ipc_fast_reply_receive(struct trapframe *tf)
{
    struct thread *self = current_thread(), *caller = self->ipc.duty.caller;
    struct handle_table *t = &self->process->handles;
    struct endpoint *last = self->ipc.endpoint;
    u64 badge;

    if (unlikely(*tf_info(tf) || this_cpu()->user_work || !caller || self->ipc.duty.has_window ||
                 sched_is_waited_for(caller->priority)))
        return;
    struct endpoint *e = look(t, tf_arg(tf, 0), RIGHT_RECEIVE, &badge);
    if (unlikely(!e))
        return;
    bool answered = false;
    if (likely(e == last && spin_trylock(&e->lock))) {
        answered = list_empty(&e->callers) && !(e->bound && READ_ONCE(e->bound->bits)) && answer_caller(self, tf, caller);
        if (likely(answered)) {
            list_push_back(&e->receivers, &self->ipc.link);
            self->ipc.receiving = RECEIVE_WAITS;
            self->ipc.fast = true;
            stop(self, ipc_resume_receive); /* under the lock: whoever finds it in the list may wake it */
        }
        spin_unlock(&e->lock);
    }
    spin_unlock(&t->lock);
    if (likely(answered))
        sched_hand_over(self, caller);
}
#else
void ipc_fast_call(struct trapframe *tf) { (void)tf; }
void ipc_fast_reply_receive(struct trapframe *tf) { (void)tf; }
#endif
