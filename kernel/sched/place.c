/* SPDX-License-Identifier: MIT */
/*
 * On which CPU a thread waits. See <quire/thread.h> and runqueue.h.
 *
 * A thread that starts or is woken goes to its own CPU, if this CPU idles or runs a less urgent thread. Else it goes to
 * another such CPU; else into the queue of its own CPU. The own CPU of a new thread is the one with the fewest threads.
 * A CPU that idles takes threads out of other CPUs' queues. When a thread's time slice ends while others wait for its
 * CPU, it goes on to a CPU with fewer threads, if there is one. So threads take turns at having a CPU for themselves:
 * six threads on four CPUs get the same time each.
 *
 * A thread must not wait while another CPU idles. So both sides store first and look then: a CPU stores that it idles
 * before it looks at the queues, and whoever queues a thread on a busy CPU looks for an idle CPU after that.
 */
#include "runqueue.h"
#include "user_registers.h"
#include <quire/upcalls.h>

struct runqueue runqueues[MAX_CPUS];

/* --- how much a CPU has to do -------------------------------------------------------------------- */
static unsigned load_of(unsigned cpu)
{
    const struct runqueue *rq = &runqueues[cpu];

    return READ_ONCE(rq->nr_queued) + (READ_ONCE(cpu_area(cpu)->current) != rq->idle);
}

/* Whether a thread of this priority runs on that CPU at once. */
static bool runs_at_once(const struct runqueue *rq, unsigned priority)
{
    return !(READ_ONCE(rq->occupied) >> priority) && READ_ONCE(rq->running_priority) < priority;
}

/* The lowest priority with which a thread doesn't run there at once. */
static unsigned urgency(const struct runqueue *rq)
{
    u32 occupied = READ_ONCE(rq->occupied);
    unsigned running = READ_ONCE(rq->running_priority);

    return occupied ? MAX(running, 31u - (unsigned)__builtin_clz(occupied)) : running;
}

unsigned sched_less_loaded(const struct thread *t)
{
    unsigned best = this_cpu()->cpu, least = load_of(best);

    for (unsigned i = 1; i < nr_cpus; i++) {
        unsigned cpu = (this_cpu()->cpu + i) % nr_cpus, there = urgency(&runqueues[cpu]);
        unsigned load = there < t->priority ? 0 : load_of(cpu);
        if (!cpu_area(cpu)->online || load >= least || there > t->priority)
            continue;
        best = cpu;
        least = load;
    }
    return best;
}

/* --- where a thread waits ------------------------------------------------------------------------- */
static bool is_idle(unsigned cpu) { return cpu_area(cpu)->online && runs_at_once(&runqueues[cpu], PRIORITY_IDLE + 1); }

static unsigned least_loaded(void)
{
    unsigned best = this_cpu()->cpu;
    unsigned load = ~0u;

    for (unsigned i = 0; i < nr_cpus; i++) {
        unsigned cpu = (this_cpu()->cpu + i) % nr_cpus;
        if (!cpu_area(cpu)->online)
            continue;
        if (load_of(cpu) < load) {
            load = load_of(cpu);
            best = cpu;
        }
    }
    return best;
}

/* The CPU where t runs at once: its own CPU before others, an idle CPU before a busy one. If there is none: its own. */
static unsigned choose_cpu(const struct thread *t)
{
    unsigned best = t->cpu;

    if (nr_cpus == 1 || t->pinned || stays_for_fpu(t))
        return best;
    unsigned least = urgency(&runqueues[best]);
    for (unsigned i = 1; least > PRIORITY_IDLE && i < nr_cpus; i++) {
        unsigned cpu = (t->cpu + i) % nr_cpus;
        if (!cpu_area(cpu)->online || urgency(&runqueues[cpu]) >= MIN(least, READ_ONCE(t->priority)))
            continue;
        best = cpu;
        least = urgency(&runqueues[cpu]);
    }
    return best;
}

/* The message ends the idle CPU's wait, and then this CPU looks into the other CPUs' queues. */
void sched_wake_an_idle_cpu(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the thread was queued before; sched_idle() has the other fence */
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu && is_idle(cpu)) {
            cpu_request_reschedule(cpu);
            return;
        }
}

/* Chooses the CPU for t, and returns its number, with its queue locked. */
static unsigned lock_queue_for(const struct thread *t)
{
    for (unsigned tries = 0;; tries++) {
        unsigned cpu = choose_cpu(t);
        struct runqueue *rq = &runqueues[cpu];
        rq_lock(rq);
        if (cpu == t->cpu || tries == nr_cpus || runs_at_once(rq, READ_ONCE(t->priority)))
            return cpu;
        rq_unlock(rq); /* another thread was queued there meanwhile: choose again */
    }
}

/* Under rq's lock. */
static inline void add(struct percpu *cpu, struct runqueue *rq, struct thread *t, bool kick)
{
    enqueue(rq, t);
    if (kick)
        rq->need_resched = true;
    if (kick && cpu == this_cpu())
        cpu->user_work = true; /* another CPU does it itself when it gets the message */
}

static __noinline void queue_somewhere(struct thread *t)
{
    unsigned number = lock_queue_for(t);
    struct runqueue *rq = &runqueues[number];
    struct percpu *cpu = cpu_area(number);
    WRITE_ONCE(t->cpu, number);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* sched_set_priority() */
    bool local = cpu == this_cpu(), kick = runs_at_once(rq, READ_ONCE(t->priority)), may_move = !t->pinned;
    add(cpu, rq, t, kick);
    if (!kick && local && rq->nr_queued == 1)
        sched_rearm_timer(); /* the running thread was alone here: only from now on its time slice ends */
    rq_unlock(rq);
    if (!local)
        cpu_request_reschedule(number);
    if (!kick && may_move)
        sched_wake_an_idle_cpu();
}

/* Into this CPU's queue, if t would run here at once, and nowhere else. False: nothing has changed. */
static inline bool queue_here(struct percpu *cpu, struct thread *t)
{
    struct runqueue *rq = cpu->runqueue;

    if (t->cpu != cpu->cpu || (nr_cpus > 1 && !t->pinned))
        return false;
    rq_lock(rq);
    bool here = runs_at_once(rq, READ_ONCE(t->priority));
    if (here)
        add(cpu, rq, t, true);
    rq_unlock(rq);
    return here;
}

/* t is READY and in no queue, so nobody else touches it. When it is in one it may run, end and be freed. */
void sched_queue(struct thread *t)
{
    bool irq = irq_save();

    if (!queue_here(this_cpu(), t))
        queue_somewhere(t);
    irq_restore(irq);
}

static void start(struct thread *t, unsigned cpu)
{
    t->cpu = cpu;
    thread_change(t, THREAD_NEW, THREAD_READY);
    sched_queue(t);
}

void thread_start(struct thread *t) { start(t, least_loaded()); }

void thread_start_on(struct thread *t, unsigned cpu)
{
    t->pinned = true;
    start(t, cpu);
}

/* --- a CPU that idles ----------------------------------------------------------------------------- */
/* Takes the most urgent thread out of the queue that isn't pinned; it belongs to this CPU now. NULL: there is none. */
static struct thread *take_from(struct runqueue *from)
{
    struct thread *taken = NULL;

    rq_lock(from);
    for (unsigned p = NR_PRIORITIES; p-- > 0 && !taken;)
        list_for_each(node, &from->queue[p]) {
            struct thread *t = list_entry(node, struct thread, run_link);
            if (t->pinned || stays_for_fpu(t))
                continue;
            taken = t;
            break;
        }
    if (taken) {
        dequeue(from, taken);
        WRITE_ONCE(taken->cpu, this_cpu()->cpu);
    }
    rq_unlock(from);
    return taken;
}

/* Takes a thread from one of the CPUs whose queue has one so urgent. NULL: there is none that may go. */
static struct thread *take_one(unsigned priority)
{
    struct thread *t = NULL;

    for (unsigned i = 1; i < nr_cpus && !t; i++) {
        struct runqueue *from = &runqueues[(this_cpu()->cpu + i) % nr_cpus];
        if (READ_ONCE(from->occupied) >> priority & 1)
            t = take_from(from);
    }
    return t;
}

bool sched_steal(struct runqueue *mine)
{
    u32 occupied = 0;
    struct thread *t = NULL;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        occupied |= READ_ONCE(runqueues[cpu].occupied);
    for (unsigned p = NR_PRIORITIES; occupied && p-- > 0 && !t;)
        if (occupied >> p & 1)
            t = take_one(p);
    if (!t)
        return false;
    rq_lock(mine);
    enqueue(mine, t);
    rq_unlock(mine);
    return true;
}
