/* SPDX-License-Identifier: MIT */
/*
 * Handing the CPU over from one thread to another, past the run queues: for kernel/ipc/fast.c. All of it with
 * interrupts off and on one CPU. The steps, in this order:
 *
 *   sched_claim()       the other thread is RUNNING on this CPU from now on; nobody else wakes it
 *   sched_give_up()     the caller announces that it waits, and where it goes on if somebody wakes it
 *   sched_hand_over()   address space and registers change; trap.S leaves the caller's kernel stack, and says so in its
 *                       state: <quire/upcalls.h>
 */
#pragma once

#include "runqueue.h"
#include "user_registers.h"
#include <quire/activate.h>
#include <quire/code_events.h>
#include <quire/counters.h>
#include <quire/mm_event.h>
#include <quire/process.h>
#include <quire/upcalls.h>
#include <quire/watch.h>
#include <uapi/quire/ipc.h>

bool sched_claim_anywhere(struct percpu *cpu, struct thread *t); /* sched_claim() for a thread of any CPU */
/*
 * The caller leaves its kernel stack in the ordinary way, but for good: it goes on at self->resume. If it doesn't wait
 * it goes into the queue. Under rq's lock, which is dropped.
 */
void __noreturn sched_leave(struct runqueue *rq, struct thread *self);
void sched_unclaim(struct thread *t); /* the claimed thread goes on as if somebody had woken it */
/* The rest of a hand-over to mm whose ASID may be too old. Returns `to`. */
struct trapframe *sched_refresh_and_go(struct mm *mm, struct trapframe *to);

/* A thread that is more urgent than t waits in this CPU's queue. */
static inline bool sched_is_waited_for(const struct runqueue *rq, const struct thread *t)
{
    return unlikely(READ_ONCE(rq->occupied)) && READ_ONCE(rq->occupied) >> (READ_ONCE(t->priority) + 1);
}

/*
 * Makes a BLOCKED thread of this CPU RUNNING for a hand-over: one step looks at both. False: it isn't BLOCKED, or its
 * CPU is another one. Nobody has to look whether it was killed: a kill that comes from now on finds it RUNNING, and
 * sends a message to its CPU, this one; an earlier one has woken it.
 */
static inline bool sched_claim(struct percpu *cpu, struct thread *t)
{
    u64 place = cpu->blocked_here;
    return __atomic_compare_exchange_n(&t->place, &place, cpu->running_here, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* Self has called next, which has the duty to answer then, or it has answered next's call. */
static inline void tell_message(const struct thread *self, const struct thread *next)
{
    if (next->ipc.duty.caller == self)
        thread_event(MM_EVENT_MESSAGE, self->id, next->id, QUIRE_GOT_CALL);
    else
        thread_event(MM_EVENT_REPLY, self->id, next->id, 0);
}

/*
 * The caller waits from now on, and its kernel stack holds nothing: if it is woken in the ordinary way it begins at
 * resume(self). The address space of `next`, which is the result, is announced, too: one fence is enough for both. p:
 * the caller's process.
 */
static __always_inline struct mm *sched_give_up(struct percpu *cpu, struct thread *self, struct process *p,
                                                struct thread *next, void (*resume)(struct thread *))
{
    struct mm *mm = next->mm;

    ASSUME(mm && cpu->active_mm, "thread %s or %s has no address space", self->name, next->name);
    tell_message(self, next);
    self->resume = resume;
    thread_waits(self);
    mm_announce(cpu, mm);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* then look: at a kill here, at the generation of ASIDs in mm_load() */
    if (unlikely(process_seems_killed(p)))
        thread_try_change(self, THREAD_WAITING, THREAD_WOKEN); /* as thread_wake(): it goes on after the hand-over */
    return mm;
}

/*
 * The CPU goes from the caller, which has given up, to `next`, which is claimed and has this address space and frame:
 * with the rest of the time slice. No locks held. The caller returns the result to trap.S, which leaves the kernel
 * stack.
 */
static __always_inline struct trapframe *sched_hand_over(struct percpu *cpu, struct runqueue *rq, struct thread *self,
                                                         struct thread *next, struct mm *mm, struct trapframe *to)
{
    debug_counter_inc(COUNTER_SWITCHES);
    thread_event(MM_EVENT_SWITCH, self->id, next->id, next->process ? next->process->id : 0);
    watch_gets_on();
    cpu->left = self;
    WRITE_ONCE(rq->running_priority, next->priority); /* read after the claim and a fence: sched_set_priority() */
    WRITE_ONCE(cpu->current, next);
    cpu->kernel_sp = (u64)arch_frame_stack_top(to);
    swap_registers(cpu, self, next);
    code_left();
    if (!ARCH_ASID_BITS && unlikely(cpu->active_mm == mm)) /* else to load it again is cheaper than to ask */
        return to;
    if (unlikely(!mm_is_ready(cpu, mm)))
        return sched_refresh_and_go(mm, to);
    mm_load_ready(cpu, mm, cpu->active_mm);
    if (unlikely(mm_needs_fence(cpu, mm)))
        cpu->user_work = true;
    return to;
}
