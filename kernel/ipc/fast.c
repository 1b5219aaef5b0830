/* SPDX-License-Identifier: MIT */
/*
 * The short cut for the most frequent message: a call of six words to a server that waits, and its reply. The CPU goes
 * straight from the caller to the server and back; no queue, no timer, no other CPU takes part.
 *
 * trap.S calls these two functions before anything else, and does what remains: <quire/upcalls.h>. The words of the
 * message stay in registers. Both functions check everything before they change anything. If something is out of the
 * ordinary, nothing has changed, and the way of endpoint.c does the work. With FASTPATH=0 that is the only way.
 *
 * Two things are cheaper here than elsewhere, and this is why they are right:
 * - A process that has always had one thread needs no lock to look into its handle table, <quire/handle.h>. While the
 *   handle is in the table, its object lives.
 * - No reference is counted for the duty: a call that is TAKEN keeps its caller waiting, so the caller lives. A caller
 *   that takes back its call counts the reference before (call_withdraw() in endpoint.c).
 */
#include "ipc.h"
#include "../sched/hand_over.h"
#include <quire/process.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

#if QUIRE_FASTPATH
/* --- calls --------------------------------------------------------------------------------------------------- */
/* If they are shared: nobody changes the handles of p until let_go(). False: somebody does so at the moment. */
static inline bool hold_handles(struct process *p, bool shared)
{
    return likely(!shared) || spin_trylock_short(&p->handles.lock);
}

static inline void let_go(struct process *p, bool shared)
{
    if (unlikely(shared))
        spin_unlock_short(&p->handles.lock);
}

/* Threads of this CPU only, or of any: the second is rare, and not inline, so that the first calls nothing. */
static __always_inline bool claim(struct percpu *cpu, struct thread *t, bool anywhere)
{
    return anywhere ? sched_claim_anywhere(cpu, t) : sched_claim(cpu, t);
}

/*
 * The duty to answer is the server's after this, which gets this priority if its own is lower. Under the endpoint's
 * lock.
 */
static inline void give_duty(struct thread *self, struct thread *server, unsigned priority)
{
    u64 word = self->ipc.call + CALL_WORD(1ul, CALL_TAKEN);

    DEBUG_ASSERT(CALL_STATE(self->ipc.call) == CALL_IDLE, "thread %s calls twice", self->name);
    if (unlikely(priority > server->priority))
        WRITE_ONCE(server->priority, priority);
    server->ipc.duty.caller = self;
    server->ipc.duty.call = word;
    self->ipc.server = server;
    __atomic_thread_fence(__ATOMIC_RELEASE); /* whoever sees the call finds its server: priority.c */
    WRITE_ONCE(self->ipc.call, word);
}

/*
 * The first thread that waits at the endpoint of this handle runs on this CPU from now on, and has the duty to answer
 * self's call. False: nothing has changed; *next is such a thread that may be another CPU's, or NULL.
 */
static __always_inline bool claim_server(struct percpu *cpu, struct thread *self, const struct handle *h,
                                         unsigned priority, bool anywhere, struct thread **next)
{
    *next = NULL;
    if (unlikely(!h || !h->calls))
        return false;
    struct endpoint *e = (struct endpoint *)h->object;
    if (unlikely(!spin_trylock_short(&e->lock)))
        return false;
    struct thread *r = first_of(&e->receivers);
    if (likely(!list_empty(&e->receivers) && r->ipc.fast)) {
        *next = r;
        if (likely(claim(cpu, r, anywhere))) {
            list_remove(&r->ipc.link);
            r->ipc.receiving = RECEIVE_IDLE;
            give_duty(self, r, priority);
            spin_unlock_short(&e->lock);
            return true;
        }
    }
    spin_unlock_short(&e->lock);
    return false;
}

/* Self's priority has changed since the server got it. */
static __noinline struct trapframe *lend_and_hand_over(struct percpu *cpu, struct thread *self, struct thread *server,
                                                       struct mm *mm, struct trapframe *to)
{
    priority_lend(self);
    return sched_hand_over(cpu, cpu->runqueue, self, server, mm, to);
}

static struct trapframe *call_anywhere(struct trapframe *tf, u64 info);

static __always_inline struct trapframe *call(struct trapframe *tf, u64 info, bool anywhere)
{
    struct percpu *cpu = this_cpu();
    struct thread *self = cpu->current, *server;
    struct process *p = self->process;
    bool shared = p->handles.shared;

    if (unlikely(info || !hold_handles(p, shared)))
        return NULL;
    unsigned priority = self->priority;
    const struct handle *h = handle_slot(&p->handles, tf_arg(tf, 0));
    if (unlikely(!claim_server(cpu, self, h, priority, anywhere, &server))) {
        let_go(p, shared);
        return server && !anywhere ? call_anywhere(tf, info) : NULL;
    }
    struct trapframe *to = frame_of(server);
    *tf_extra(to) = h->badge;
    tf_pass_words(to, tf);
    let_go(p, shared);
    struct mm *mm = sched_give_up(cpu, self, p, server, ipc_resume_call);
    if (unlikely(self->priority != priority))
        return lend_and_hand_over(cpu, self, server, mm, to);
    return sched_hand_over(cpu, cpu->runqueue, self, server, mm, to);
}

static __noinline struct trapframe *call_anywhere(struct trapframe *tf, u64 info) { return call(tf, info, true); }
struct trapframe *ipc_fast_call(struct trapframe *tf, u64 info) { return call(tf, info, false); }

/* --- replies ----------------------------------------------------------------------------------------------- */
/* Self's duty is over after this. */
static inline void end_duty(struct thread *self, struct thread *caller, u64 word)
{
    WRITE_ONCE(caller->ipc.call, word - CALL_TAKEN + CALL_IDLE);
    self->ipc.duty.caller = NULL;
    WRITE_ONCE(self->priority, self->own_priority);
}

/* What has to be done instead of the short cut. */
enum instead { NOTHING, ORDINARY_WAY, ANYWHERE, UNCLAIM };

/*
 * Claims the caller of self's duty, if its kernel stack holds nothing; that of a caller with a window does. While it
 * can't run, it is certain whether it waits in this call; if it doesn't, its time is over or it has been killed, and it
 * is blocked by something else.
 */
static __always_inline enum instead claim_caller(struct percpu *cpu, struct thread *caller, u64 word, bool anywhere)
{
    if (unlikely(!READ_ONCE(caller->resume)))
        return ORDINARY_WAY;
    if (unlikely(!claim(cpu, caller, anywhere)))
        return anywhere ? ORDINARY_WAY : ANYWHERE;
    return likely(READ_ONCE(caller->ipc.call) == word && caller->resume) ? NOTHING : UNCLAIM;
}

/* Answers the caller, and waits at e. *mm: the caller's address space, announced. Else nothing has changed. */
static __always_inline enum instead answer_at(struct percpu *cpu, struct endpoint *e, struct thread *self,
                                              struct process *p, const struct trapframe *tf, struct thread *caller,
                                              bool anywhere, struct mm **mm)
{
    u64 word = self->ipc.duty.call;
    enum instead instead = ORDINARY_WAY;

    if (unlikely(!spin_trylock_short(&e->lock)))
        return ORDINARY_WAY;
    if (likely(list_empty(&e->callers) && !(e->bound && READ_ONCE(e->bound->bits))))
        instead = claim_caller(cpu, caller, word, anywhere);
    if (likely(instead == NOTHING)) {
        end_duty(self, caller, word);
        tf_pass_words(frame_of(caller), tf); /* before anybody finds self in the list, and writes a message to tf */
        list_push_back(&e->receivers, &self->ipc.link);
        self->ipc.receiving = RECEIVE_WAITS;
        self->ipc.fast = true;
        /* Under the lock, because whoever finds self in the list may wake it. */
        *mm = sched_give_up(cpu, self, p, caller, ipc_resume_receive);
    }
    spin_unlock_short(&e->lock);
    return instead;
}

static __noinline struct trapframe *give_back(struct thread *caller)
{
    sched_unclaim(caller);
    return NULL;
}

static struct trapframe *reply_receive_anywhere(struct trapframe *tf, u64 info);

static __always_inline struct trapframe *reply_receive(struct trapframe *tf, u64 info, bool anywhere)
{
    struct percpu *cpu = this_cpu();
    struct thread *self = cpu->current, *caller = self->ipc.duty.caller;
    struct process *p = self->process;
    struct endpoint *e = self->ipc.endpoint;
    enum instead instead = ORDINARY_WAY;
    struct runqueue *rq = cpu->runqueue;
    struct mm *mm;
    bool shared = p->handles.shared;

    if (unlikely(info || !caller))
        return NULL;
    if (unlikely(sched_is_waited_for(rq, caller) || !hold_handles(p, shared)))
        return NULL;
    const struct handle *h = handle_slot(&p->handles, tf_arg(tf, 0));
    if (likely(h && h->object == (struct object *)e && h->receives))
        instead = answer_at(cpu, e, self, p, tf, caller, anywhere, &mm);
    let_go(p, shared);
    if (likely(instead == NOTHING))
        return sched_hand_over(cpu, rq, self, caller, mm, frame_of(caller));
    return instead == UNCLAIM ? give_back(caller) : instead == ANYWHERE ? reply_receive_anywhere(tf, info) : NULL;
}

static __noinline struct trapframe *reply_receive_anywhere(struct trapframe *tf, u64 info)
{
    return reply_receive(tf, info, true);
}
struct trapframe *ipc_fast_reply_receive(struct trapframe *tf, u64 info) { return reply_receive(tf, info, false); }
#else
struct trapframe *ipc_fast_call(struct trapframe *tf, u64 info) { return NULL; }
struct trapframe *ipc_fast_reply_receive(struct trapframe *tf, u64 info) { return NULL; }
#endif
