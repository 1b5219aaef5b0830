/* SPDX-License-Identifier: MIT */
/*
 * Threads that rest: a resting thread's kernel stack holds nothing, its user frame is whole, and thread->resume is
 * sched_rest. So the CPU can go straight from the user frame of one thread to that of a resting one; no kernel stack is
 * put together only to be left again. A thread comes to rest when it yields, when a more urgent thread takes the CPU on
 * its way to user mode, and when what it waited for was put into its frame (kernel/ipc/notification.c).
 *
 * The caller is in a queue, or may be woken, before its kernel stack is left. So the lock of the run queue is held
 * until then: sched_has_left() drops it. No other CPU can run the caller before.
 *
 * If the next thread doesn't rest, there is an ordinary switch. With FASTPATH=0 that is the only way.
 */
#include "hand_over.h"
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <arch-generic/context.h>
#include <arch-generic/machine.h>

void sched_rest(struct thread *self) {}
const bool sched_rests = QUIRE_FASTPATH;

#if QUIRE_FASTPATH
static inline struct thread *first_in(const struct list *queue)
{
    return list_entry(queue->next, struct thread, run_link);
}

/* The most urgent thread that waits for this CPU; there is one. */
static inline struct thread *first_of(const struct runqueue *rq)
{
    return first_in(&rq->queue[31u - (unsigned)__builtin_clz(rq->occupied)]);
}

/*
 * From self, which is in a queue or waits, to `next`, which rests and is in no queue any more. Returns its frame. Under
 * rq's lock.
 */
static __always_inline struct trapframe *hand_to(struct percpu *cpu, struct runqueue *rq, struct thread *self,
                                                 struct thread *next, u64 now)
{
    struct mm *mm = next->mm;

    self->run_ns += now - rq->switched_at_ns;
    rq->switched_at_ns = now;
    rq->slice_end_ns = now + TIME_SLICE_NS;
    if (unlikely(next->slice_left_ns)) {
        rq->slice_end_ns = now + next->slice_left_ns;
        next->slice_left_ns = 0;
    }
    thread_change(next, THREAD_READY, THREAD_RUNNING);
    mm_announce(cpu, mm);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* then look: at a kill here, at the generation of ASIDs in mm_load() */
    if (unlikely(process_seems_killed(next->process) || READ_ONCE(next->traced)))
        cpu->user_work = true; /* whoever did it before found `next` READY, and left it to this CPU */
    return sched_hand_over(cpu, rq, self, next, mm, arch_user_frame(next->stack_top));
}

/* The same from a thread that another CPU may run then: so its floating-point registers don't stay here. */
static struct trapframe *part_with(struct percpu *cpu, struct runqueue *rq, struct thread *self, struct thread *next,
                                   u64 now)
{
    if (ARCH_FPU_LAZY)
        save_fpu(cpu);
    struct trapframe *to = hand_to(cpu, rq, self, next, now);
    sched_set_timer(rq, next);
    return to;
}

/* --- yielding ------------------------------------------------------------------------------------ */
/* next, the first in the queue of self's priority, leaves it, and self goes behind the last. */
static inline void change_places(struct runqueue *rq, struct thread *self, struct thread *next)
{
    list_remove(&next->run_link);
    self->queue = next->queue;
    list_push_back(&rq->queue[self->queue], &self->run_link);
    WRITE_ONCE(next->queued, NULL);
    WRITE_ONCE(self->queued, rq);
}

/*
 * A time slice begins, as after every switch, but the timer isn't set: as many threads wait as before, so it is set
 * already, to the end of the last slice or earlier, and sched_tick() sets it again.
 */
static inline struct trapframe *yield_to(struct percpu *cpu, struct runqueue *rq, struct thread *self,
                                        struct thread *next)
{
    change_places(rq, self, next);
    thread_change(self, THREAD_RUNNING, THREAD_READY);
    return hand_to(cpu, rq, self, next, arch_clock_ns());
}

struct trapframe *sched_fast_yield(struct trapframe *tf)
{
    struct percpu *cpu = this_cpu();
    struct runqueue *rq = cpu->runqueue;
    struct thread *self = cpu->current;

    turn_offer();
    if (!(READ_ONCE(rq->occupied) >> READ_ONCE(self->priority)) && !READ_ONCE(rq->need_resched)) {
        tf_set_ret(tf, 0);
        watch_gets_on();
        return tf;
    }
    rq_lock(rq);
    unsigned priority = READ_ONCE(self->priority); /* another CPU may change it: sched_set_priority() */
    u32 others = rq->occupied >> priority;
    if (unlikely(!others)) { /* other CPUs have changed something, or have asked for something */
        rq_unlock(rq);
        return NULL;
    }
    struct thread *next = first_in(&rq->queue[priority]);
    tf_set_ret(tf, 0);
    self->resume = sched_rest;
    if (unlikely(others != 1 || rq->need_resched || next->resume != sched_rest))
        sched_leave(rq, self);
    return yield_to(cpu, rq, self, next);
}

/* --- making room for a more urgent thread --------------------------------------------------------- */
/* Whether self may keep the rest of its slice, and rest. Else there is an ordinary switch, perhaps to another CPU. */
static bool may_rest(const struct runqueue *rq, const struct thread *self, u64 now)
{
    return rq->occupied >> READ_ONCE(self->priority) > 1 && now < rq->slice_end_ns && !self->guest;
}

struct trapframe *sched_preempt(struct trapframe *tf)
{
    struct percpu *cpu = this_cpu();
    struct runqueue *rq = cpu->runqueue;
    struct thread *self = cpu->current;
    u64 now = arch_clock_ns();

    rq_lock(rq);
    if (!may_rest(rq, self, now)) {
        rq_unlock(rq);
        schedule();
        return tf;
    }
    struct thread *next = first_of(rq);
    self->slice_left_ns = rq->slice_end_ns - now;
    self->resume = sched_rest;
    if (next->resume != sched_rest)
        sched_leave(rq, self);
    rq->need_resched = false;
    dequeue(rq, next);
    thread_change(self, THREAD_RUNNING, THREAD_READY);
    enqueue(rq, self);
    sched_offer(self);
    return part_with(cpu, rq, self, next, now);
}

/* --- waiting ------------------------------------------------------------------------------------- */
void sched_leave_waiting(struct thread *self)
{
    bool irq = irq_save();
    struct percpu *cpu = this_cpu();
    struct runqueue *rq = cpu->runqueue;

    rq_lock(rq);
    struct thread *next = rq->occupied ? first_of(rq) : NULL;
    if (READ_ONCE(self->state) != THREAD_WAITING) { /* it was woken meanwhile: schedule() sees it */
        rq_unlock(rq);
        schedule();
        irq_restore(irq);
        return;
    }
    if (!next || next->resume != sched_rest)
        sched_leave(rq, self);
    rq->need_resched = false;
    dequeue(rq, next);
    arch_hand_over(part_with(cpu, rq, self, next, arch_clock_ns()));
}

bool sched_wake_at_rest(struct thread *t)
{
    if (!thread_try_change(t, THREAD_BLOCKED, THREAD_READY))
        return false;
    WRITE_ONCE(t->resume, sched_rest); /* it is in no queue yet: nobody else may run it */
    sched_queue(t);
    return true;
}
#else
bool sched_wake_at_rest(struct thread *t) { return false; }
struct trapframe *sched_fast_yield(struct trapframe *tf) { return NULL; }
struct trapframe *sched_preempt(struct trapframe *tf)
{
    schedule();
    return tf;
}
void sched_leave_waiting(struct thread *self)
{
    panic("thread %s rests, in a kernel without resting threads", self->name);
}
#endif
