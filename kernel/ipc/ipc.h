/* SPDX-License-Identifier: MIT */
/*
 * What the files of kernel/ipc/ share: endpoints, and the steps of a message. <quire/ipc.h> has the table of a call's
 * states.
 *
 * Lock order: interrupts_lock, a timer_lock, or priority_lock; then a notification's lock, then an endpoint's lock,
 * then those of the scheduler. All are taken with interrupts off, because timers and devices signal notifications.
 * Nobody holds two locks of endpoints.
 *
 * A thread that waits here has, in its user frame, room for what it waits for: whoever answers or delivers writes the
 * frame's registers, and the thread returns to user mode with them.
 */
#pragma once

#include <quire/alarm.h>
#include <quire/errno.h>
#include <quire/handle.h>
#include <quire/ipc.h>
#include <quire/list.h>
#include <quire/thread.h>
#include <arch/trap.h>

struct endpoint {
    struct object object;
    spinlock_t lock;
    struct list callers;   /* whose calls are QUEUED, in the order in which they came; by thread->ipc.link */
    struct list receivers; /* threads that wait for a message; by thread->ipc.link */
    struct thread *server; /* the last that came to receive here, if it still may; changes under priority_lock, too */
    u32 nr_waiting[NR_PRIORITIES]; /* callers in the queue, by the priority that they lend */
    u32 nr_receive;        /* handles with RIGHT_RECEIVE; 0: closed for ever. Grows without the lock, by atomic steps */
    struct notification *bound; /* whose signals come here, too; with a reference. Never changes once it is set */
};

/* Signals for threads. */
struct notification {
    struct object object;
    spinlock_t lock;
    bool listens;              /* the console may know it; from false to true only */
    bool interrupts;           /* a source of interrupts may be bound to it; from false to true only */
    u64 bits;                  /* changed by atomic steps; grows under the lock */
    struct list waiters;       /* by thread->ipc.link */
    struct endpoint
        *endpoint; /* NULL: not bound. Without a reference: the endpoint's end sets it to NULL. Under the lock */
    spinlock_t timer_lock; /* before the lock of the CPU where the timer is set */
    struct alarm timer;
    u64 timer_bits; /* what it signals; changed while it is quiet */
};

struct reply {
    struct object object;
    struct duty duty;
    spinlock_t lock; /* who takes the duty out of it answers */
};

static inline struct trapframe *frame_of(const struct thread *t) { return arch_user_frame(t->stack_top); }

/* The frame with the words of t's call. */
static inline struct trapframe *message_of(const struct thread *t) { return t->ipc.frame ? t->ipc.frame : frame_of(t); }

/* Copies the six words of a message. */
static inline void copy_words(struct trapframe *to, const struct trapframe *from)
{
    for (unsigned i = 0; i < 6; i++)
        *tf_word(to, i) = *tf_word((struct trapframe *)from, i);
}

/* --- priorities: priority.c ------------------------------------------------------------------------------- */
/* The caller goes into the queue, or out of it. Under e's lock. */
void priority_count(struct endpoint *e, struct thread *caller);
void priority_uncount(struct endpoint *e, struct thread *caller);
/* The highest among t's own priority and those that are lent to it. e: from which it receives, locked; NULL: none. */
unsigned priority_of(const struct thread *t, const struct endpoint *e);
/* priority_lock; priority_begin() says whether interrupts were on. No lock of an endpoint is held. */
bool priority_begin(void);
void priority_end(bool irq);
/* Between the two: what is lent to t may have changed. Goes on to those that t waits for. NULL: nothing. */
void priority_spread(struct thread *t);
/* The current thread's call is QUEUED or TAKEN: what it lends reaches those that it waits for. */
void priority_lend(struct thread *self);
/* What was lent to the current thread goes back. */
void priority_settle(struct thread *self);
/* From now on the current thread receives from e (NULL: it ends), whose reference it takes over. */
void priority_receive_from(struct thread *self, struct endpoint *e);
void priority_gone(struct endpoint *e); /* before it is freed */

/* Where threads go on that fast.c made wait, if they are woken in the ordinary way. */
void ipc_resume_call(struct thread *self);
void ipc_resume_receive(struct thread *self);

/*
 * A call of six words that the kernel makes for the current thread, whose registers stay as they are; the words of the
 * reply take their place. As ipc_call(). Handles that come with the reply are let go.
 */
s64 ipc_call_words(struct endpoint *e, u64 badge, u64 *words);

/* Sleeps once, or not at all if the caller is killed or its time is over: false then. The wait was announced. */
bool ipc_sleep(u64 until);
static inline s64 ipc_why_over(void) { return current_killed() ? -EINTR : -ETIMEDOUT; }

static inline struct thread *first_of(const struct list *queue)
{
    return list_entry(queue->next, struct thread, ipc.link);
}

/*
 * A copy of the duty of r (NULL: the current thread's), with a reference to its caller, for thread_put(). False: there
 * is none.
 */
bool duty_look(struct reply *r, struct duty *copy);
/*
 * The caller can't go on between these two, even if its time is over. Interrupts off, and for a short time. False: it
 * doesn't wait any more.
 */
bool duty_hold(const struct duty *duty);
void duty_release(const struct duty *duty);
/*
 * Ends the wait of the caller whose duty this is, with this result; if tf isn't NULL, with the words of this frame. The
 * duty is over in any case. -ESRCH: the caller doesn't wait any more. The caller's thread may be gone when this
 * returns.
 */
int duty_answer(struct duty *duty, s64 result, const struct trapframe *tf, struct extra *extra);

/*
 * Sends the handles and the window that the info word announces, for the current thread: looks each handle up, and
 * allocates. NULL and *err 0: the message has none. -EBADF, -EACCES, -EFAULT, -EINVAL, -ENOMEM.
 */
struct extra *extra_in(u64 info, u64 address, int *err);
void extra_free(struct extra *x); /* its handles are let go. NULL is fine */
/* Gives the handles that have come to the current process; stores their numbers at `address`. Returns how many. */
u64 extra_out(struct extra *x, u64 address);
/* The bits of n, which have none after this. */
static inline u64 notification_take(struct notification *n)
{
    return __atomic_exchange_n(&n->bits, 0, __ATOMIC_SEQ_CST);
}
void notification_unbind(struct notification *n); /* its endpoint ends; drops the endpoint's reference to n */
void notification_destroy(struct notification *n);
void notification_thread_ends(void); /* the current thread ends */
void notification_closed(struct notification *n); /* the current thread has closed a handle to it */
void interrupts_forget(struct notification *n); /* it ends: sources that are bound to it are masked, and free */
void endpoint_signal(struct endpoint *e); /* under the lock of e->bound, which has bits: a receiver gets them */

void extra_window(const struct extra *x, struct duty *duty); /* the window becomes the duty's */

struct extra {
    unsigned nr;
    struct handle handle[4];
    bool has_window;
    u64 window, window_bytes;
    u32 window_rights;
    u32 bytes;           /* that are charged */
    struct quota *quota;
};
