/* SPDX-License-Identifier: MIT */
/*
 * What the scheduler's files share: run queues, and changes of a thread's state. kernel/sched/thread.c makes and ends
 * threads, kernel/sched/place.c says where they wait, kernel/sched/sleep.c lets them sleep, kernel/sched/alarm.c rings,
 * kernel/sched/sched.c lets them run, kernel/sched/timer.c sets the CPU's timer.
 *
 * Lock order: the lock of a CPU's alarms, then those of kernel/ipc/ that a signal takes, then the lock of a run queue;
 * nobody holds two locks of run queues. The first and the last are taken with interrupts off, and aren't counted as
 * held: a run queue's lock passes from one thread to the next across a switch. It comes after all other locks. A CPU
 * that holds a run queue's lock never waits for another CPU. A CPU that waits for a run queue's lock serves its own
 * shoot-down mailbox meanwhile.
 */
#pragma once

#include <quire/log.h>
#include <quire/messages.h>
#include <quire/thread.h>

struct runqueue {
    u32 locked;
    u32 occupied; /* bit p: queue[p] isn't empty */
    struct list queue[NR_PRIORITIES];
    unsigned nr_queued;
    unsigned running_priority; /* of the thread that this CPU runs; PRIORITY_IDLE: it idles */
    bool need_resched;
    struct thread *idle;
    u64 switched_at_ns;
    u64 slice_end_ns; /* of the time slice that began at the last ordinary switch: a hand-over passes the rest on */

    u32 alarms_locked;
    struct tree alarms; /* that were set on this CPU; keyed by their time */
    u64 next_alarm_ns;  /* when the first one rings; ~0: none is set. Read without the lock, too */
};

extern struct runqueue runqueues[MAX_CPUS];

static inline void raw_lock(u32 *word)
{
    while (__atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE))
        while (READ_ONCE(*word)) {
            cpu_relax();
            shootdown_serve();
        }
}
static inline void raw_unlock(u32 *word) { __atomic_store_n(word, 0, __ATOMIC_RELEASE); }
static inline void rq_lock(struct runqueue *rq) { raw_lock(&rq->locked); }
static inline void rq_unlock(struct runqueue *rq) { raw_unlock(&rq->locked); }

/* --- the queues; under the run queue's lock ------------------------------------------------------ */
/*
 * Behind those that are as urgent; before them if a part of its time slice is left: a more urgent thread has taken the
 * CPU.
 */
static inline void enqueue(struct runqueue *rq, struct thread *t)
{
    WRITE_ONCE(t->queued, rq);
    t->queue = READ_ONCE(t->priority);
    struct list *queue = &rq->queue[t->queue];
    list_insert_after(t->slice_left_ns ? queue : queue->prev, &t->run_link);
    WRITE_ONCE(rq->occupied, rq->occupied | 1u << t->queue); /* urgency() reads it without the lock */
    WRITE_ONCE(rq->nr_queued, rq->nr_queued + 1);
}

static inline void dequeue(struct runqueue *rq, struct thread *t)
{
    list_remove(&t->run_link);
    WRITE_ONCE(t->queued, NULL);
    if (list_empty(&rq->queue[t->queue]))
        WRITE_ONCE(rq->occupied, rq->occupied & ~(1u << t->queue));
    WRITE_ONCE(rq->nr_queued, rq->nr_queued - 1);
}

/* --- states: the table is in <quire/thread.h> --------------------------------------------------- */
#define FOLLOWS(state) (1u << THREAD_##state)

static inline u32 thread_may_become(u32 from)
{
    static const u16 next[NR_THREAD_STATES] = {
        [THREAD_NEW] = FOLLOWS(READY),
        [THREAD_READY] = FOLLOWS(RUNNING),
        [THREAD_RUNNING] = FOLLOWS(READY) | FOLLOWS(WAITING) | FOLLOWS(LEAVING) | FOLLOWS(DEAD),
        [THREAD_WAITING] = FOLLOWS(RUNNING) | FOLLOWS(WOKEN) | FOLLOWS(BLOCKED),
        [THREAD_WOKEN] = FOLLOWS(RUNNING) | FOLLOWS(READY),
        [THREAD_BLOCKED] = FOLLOWS(READY) | FOLLOWS(RUNNING),
        [THREAD_LEAVING] = FOLLOWS(READY),
    };
    return next[from];
}

/* Leaves a state that others may change, too. False: the thread isn't in this state any more; nothing has changed. */
static inline bool thread_try_change(struct thread *t, u32 from, u32 to)
{
    KASSERT(thread_may_become(from) >> to & 1, "thread %s: no way from state %u to %u", t->name, from, to);
    return __atomic_compare_exchange_n(&t->state, &from, to, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Leaves a state that only the caller may change: so a store is enough. */
static inline void thread_change(struct thread *t, u32 from, u32 to)
{
    DEBUG_ASSERT(READ_ONCE(t->state) == from && thread_may_become(from) >> to & 1,
                 "thread %s: from state %u to %u, but it is in state %u", t->name, from, to, READ_ONCE(t->state));
    __atomic_store_n(&t->state, to, __ATOMIC_RELEASE);
}

/*
 * The first step of a wait, by the thread itself. A full fence follows, and then the thread looks at what it waits for.
 * What it stored before this step is seen by whoever wakes it from BLOCKED, which is entered by a full barrier.
 */
static inline void thread_waits(struct thread *self)
{
    DEBUG_ASSERT(READ_ONCE(self->state) == THREAD_RUNNING, "thread %s waits in state %u", self->name,
                 READ_ONCE(self->state));
    WRITE_ONCE(self->state, THREAD_WAITING);
}

/*
 * Where t, whose time slice is over, has fewer threads beside it than here, and none that is more urgent. Its own CPU:
 * there is no such place.
 */
unsigned sched_less_loaded(const struct thread *t);
/* A thread that may go anywhere is in this CPU's queue: if a CPU idles, it comes and takes it. */
void sched_wake_an_idle_cpu(void);
/* t has just come into this CPU's queue, because it makes room for another. */
static inline void sched_offer(const struct thread *t)
{
    if (nr_cpus > 1 && !t->pinned)
        sched_wake_an_idle_cpu();
}
/* Takes a thread out of another CPU's queue into this CPU's, the most urgent first. False: there is none. */
bool sched_steal(struct runqueue *mine);
/*
 * Sets this CPU's timer to its next event, while `next` runs. When need_resched is set, the end of the time slice needs
 * no second interrupt. Sleepers do need theirs, because the kernel may run for long before it reschedules.
 */
void sched_set_timer(struct runqueue *rq, const struct thread *next);
void sched_queue(struct thread *t);            /* puts a READY thread into a CPU's queue, and tells that CPU */
void sched_ring_alarms(struct runqueue *rq);   /* those whose time has come; rq is this CPU's; interrupts off */
void thread_free_dead(struct thread *t);       /* frees a dead thread; no CPU uses its stack any more */
bool threads_are_ending(void);                 /* a thread is in thread_exit() or dead, and isn't freed yet */
void thread_trampoline(void *thread);          /* where a new thread begins */
