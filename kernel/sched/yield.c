/* SPDX-License-Identifier: MIT */
/*
 * The short cut for a program that yields. Its kernel stack holds nothing after that. So if the next thread in this
 * CPU's queue has yielded, too, the CPU goes straight from one to the other; if it hasn't, there is an ordinary switch.
 * If nobody waits, the caller goes on.
 *
 * The caller is in the queue before its kernel stack is left. So the lock of the run queue is held until then:
 * sched_has_yielded() drops it. No other CPU can take the caller before.
 *
 * A time slice begins, as after every switch, but the timer isn't set: as many threads wait as before, so it is set
 * already, to the end of the last slice or earlier, and sched_tick() sets it again.
 */
#include "hand_over.h"
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

#if QUIRE_FASTPATH
static s64 resume_yield(struct thread *self) { return 0; }

static inline void begin_slice(struct runqueue *rq, struct thread *self, struct thread *next)
{
    u64 now = arch_clock_ns();

    self->run_ns += now - rq->switched_at_ns;
    rq->switched_at_ns = now;
    rq->slice_end_ns = now + TIME_SLICE_NS;
    next->slice_left_ns = 0;
}

/* next, the first in the queue of self's priority, leaves it, and self goes behind the last. */
static inline void change_places(struct runqueue *rq, struct thread *self, struct thread *next)
{
    list_remove(&next->run_link);
    self->queue = next->queue;
    list_push_back(&rq->queue[self->queue], &self->run_link);
}

/* Under rq's lock. */
static struct trapframe *yield_to(struct percpu *cpu, struct runqueue *rq, struct thread *self, struct thread *next)
{
    struct mm *mm = next->mm;

    begin_slice(rq, self, next);
    change_places(rq, self, next);
    thread_change(next, THREAD_READY, THREAD_RUNNING);
    self->resume = resume_yield;
    self->slice_left_ns = 0;
    thread_change(self, THREAD_RUNNING, THREAD_READY);
    mm_announce(cpu, mm);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* then look: at a kill here, at the generation of ASIDs in mm_load() */
    if (unlikely(process_seems_killed(next->process) || READ_ONCE(next->traced)))
        cpu->user_work = true; /* whoever did it before found `next` READY, and left it to this CPU */
    return sched_hand_over(cpu, rq, self, next, mm, arch_user_frame(next->stack_top));
}

struct trapframe *sched_fast_yield(struct trapframe *tf)
{
    struct percpu *cpu = this_cpu();
    struct runqueue *rq = cpu->runqueue;
    struct thread *self = cpu->current;

    turn_offer();
    rq_lock(rq);
    unsigned priority = READ_ONCE(self->priority); /* another CPU may change it: sched_set_priority() */
    u32 others = rq->occupied >> priority;
    if (unlikely(!others && rq->need_resched)) {
        rq_unlock(rq);
        return NULL;
    }
    tf_set_ret(tf, 0);
    if (!others) {
        watch_gets_on();
        return tf;
    }
    struct thread *next = list_entry(rq->queue[priority].next, struct thread, run_link);
    if (unlikely(others != 1 || rq->need_resched || next->resume != resume_yield))
        sched_leave(rq, self, resume_yield);
    return yield_to(cpu, rq, self, next);
}

void sched_has_yielded(void) { rq_unlock(this_cpu()->runqueue); }
#else
struct trapframe *sched_fast_yield(struct trapframe *tf) { return NULL; }
void sched_has_yielded(void) {}
#endif
