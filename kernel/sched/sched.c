/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: who runs, and where. See <quire/thread.h> and runqueue.h.
 *
 * Where: a thread that is woken or starts goes to its own CPU if that idles or runs something less urgent, else to one
 * that does, else into its own CPU's queue (a new one: the shortest). A CPU that idles takes threads out of others'
 * queues. So that neither overlooks the other, a CPU says that it idles before it looks at the queues, and whoever
 * queues a thread on a busy CPU looks afterwards for one that idles.
 */
#include "runqueue.h"
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/mm.h>
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <quire/process.h>
#include <arch-generic/machine.h>

struct runqueue runqueues[MAX_CPUS];
static struct thread boot_thread;

static void init_queue(struct runqueue *rq)
{
    for (unsigned p = 0; p < NR_PRIORITIES; p++)
        list_init(&rq->queue[p]);
    list_init(&rq->sleepers);
    rq->next_wake_ns = ~0UL;
    this_cpu()->runqueue = rq;
}

static void enqueue(struct runqueue *rq, struct thread *t)
{
    list_push_back(&rq->queue[t->priority], &t->run_link);
    WRITE_ONCE(rq->occupied, rq->occupied | 1u << t->priority); /* urgency() looks without the lock */
    WRITE_ONCE(rq->nr_queued, rq->nr_queued + 1);
}

static void dequeue(struct runqueue *rq, struct thread *t)
{
    list_remove(&t->run_link);
    if (list_empty(&rq->queue[t->priority]))
        WRITE_ONCE(rq->occupied, rq->occupied & ~(1u << t->priority));
    WRITE_ONCE(rq->nr_queued, rq->nr_queued - 1);
}

/* Who runs next on this CPU; RUNNING from now on. */
static struct thread *pick(struct runqueue *rq)
{
    if (!rq->occupied)
        return rq->idle;
    unsigned p = 31u - (unsigned)__builtin_clz(rq->occupied);
    struct thread *t = list_entry(rq->queue[p].next, struct thread, run_link);
    dequeue(rq, t);
    WRITE_ONCE(t->cpu, this_cpu()->cpu); /* thread_interrupt() looks without the lock */
    thread_change(t, THREAD_READY, THREAD_RUNNING);
    return t;
}

/*
 * The next thing this CPU's timer has to do, with the thread that runs from now on. The end of a slice that is
 * noted already needs no second interrupt, but sleepers go on counting: kernel code may take its time.
 */
static void set_timer(struct runqueue *rq, const struct thread *next)
{
    u64 deadline = ~0UL;

    if (rq->nr_queued && next != rq->idle && !rq->need_resched)
        deadline = next->slice_end_ns;
    if (next != rq->idle)
        deadline = MIN(deadline, turn_deadline()); /* another CPU may have queued a thread here meanwhile */
    deadline = MIN(deadline, READ_ONCE(rq->next_wake_ns));
    arch_timer_set(deadline);
}

void sched_rearm_timer(void)
{
    bool irq = irq_save();
    struct runqueue *rq = this_cpu()->runqueue;

    if (rq)
        set_timer(rq, current_thread());
    irq_restore(irq);
}

/* --- switching --------------------------------------------------------------------------------- */
/* First thing after a switch, still on this run queue's lock: the thread that was left is off its stack by now. */
static void finish_switch(void)
{
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *left = rq->left;
    u32 state = __atomic_load_n(&left->state, __ATOMIC_ACQUIRE);

    if (state == THREAD_WAITING && !thread_try_change(left, THREAD_WAITING, THREAD_BLOCKED))
        state = THREAD_WOKEN;
    rq_unlock(rq);
    /* One that is READY or BLOCKED is others' from here on. */
    switch (state) {
    case THREAD_WOKEN:
    case THREAD_LEAVING:
        thread_change(left, state, THREAD_READY);
        sched_queue(left);
        break;
    case THREAD_DEAD:
        thread_free_dead(left);
        break;
    }
}

static void switch_to(struct runqueue *rq, struct thread *prev, struct thread *next)
{
    struct percpu *cpu = this_cpu();
    u64 now = arch_clock_ns();

    counter_inc(COUNTER_SWITCHES);
    prev->run_ns += now - rq->switched_at_ns;
    rq->switched_at_ns = now;
    next->slice_end_ns = now + TIME_SLICE_NS;
    if (prev->process)
        arch_fpu_save(&prev->fpu);
    rq->left = prev;
    WRITE_ONCE(rq->running_priority, next->priority);
    WRITE_ONCE(cpu->current, next); /* least_loaded() looks from other CPUs */
    prev->locks_held = cpu->locks_held;
    cpu->locks_held = next->locks_held;
    cpu->kernel_sp = (u64)next->stack_top;
    cpu->user_work = true; /* killed meanwhile? its code fenced on this CPU? */
    mm_activate(next->mm);
    if (next->process)
        arch_fpu_restore(&next->fpu);
    set_timer(rq, next);
    arch_switch(&prev->context, &next->context);
    finish_switch();
}

/* Who runs now: prev itself if it can and nobody as urgent is there. Under rq's lock. */
static struct thread *choose(struct runqueue *rq, struct thread *prev)
{
    switch (READ_ONCE(prev->state)) {
    case THREAD_RUNNING:
        if (!(rq->occupied >> prev->priority))
            return prev;
        thread_change(prev, THREAD_RUNNING, THREAD_READY);
        enqueue(rq, prev);
        break;
    case THREAD_WOKEN: /* before it had begun to wait */
        thread_change(prev, THREAD_WOKEN, THREAD_RUNNING);
        this_cpu()->user_work = true; /* killed? */
        return prev;
    }
    return pick(rq);
}

void schedule(void)
{
    bool irq = irq_save();
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *prev = current_thread();

    rq_lock(rq);
    rq->need_resched = false;
    struct thread *next = choose(rq, prev);
    if (next != prev) {
        switch_to(rq, prev, next);
    } else {
        next->slice_end_ns = arch_clock_ns() + TIME_SLICE_NS;
        set_timer(rq, next);
        rq_unlock(rq);
    }
    irq_restore(irq);
}

/* Whoever is waited for may run on another CPU. */
void thread_yield(void)
{
    turn_offer();
    schedule();
}

bool sched_need_resched(void) { return READ_ONCE(this_cpu()->runqueue->need_resched); }

bool preempt_point(void)
{
    if (unlikely(sched_need_resched()) && arch_irq_enabled())
        schedule();
    return current_killed();
}

/* --- where ------------------------------------------------------------------------------------- */
/* What a thread has to beat on that CPU to run there at once. */
static unsigned urgency(const struct runqueue *rq)
{
    u32 occupied = READ_ONCE(rq->occupied);
    unsigned running = READ_ONCE(rq->running_priority);

    return occupied ? MAX(running, 31u - (unsigned)__builtin_clz(occupied)) : running;
}

static bool is_idle(unsigned cpu) { return cpu_area(cpu)->online && urgency(&runqueues[cpu]) == PRIORITY_IDLE; }

static unsigned least_loaded(void)
{
    unsigned best = this_cpu()->cpu;
    unsigned load = ~0u;

    for (unsigned i = 0; i < nr_cpus; i++) {
        unsigned cpu = (this_cpu()->cpu + i) % nr_cpus;
        if (!cpu_area(cpu)->online)
            continue;
        const struct runqueue *rq = &runqueues[cpu];
        unsigned n = READ_ONCE(rq->nr_queued) + (READ_ONCE(cpu_area(cpu)->current) != rq->idle);
        if (n < load) {
            load = n;
            best = cpu;
        }
    }
    return best;
}

/* Where t runs at once: its own CPU before others, an idle one before a busy one. Nowhere: its own. */
static unsigned choose_cpu(const struct thread *t)
{
    unsigned best = t->cpu, least = urgency(&runqueues[best]);

    for (unsigned i = 1; !t->pinned && least > PRIORITY_IDLE && i < nr_cpus; i++) {
        unsigned cpu = (t->cpu + i) % nr_cpus;
        if (!cpu_area(cpu)->online || urgency(&runqueues[cpu]) >= MIN(least, t->priority))
            continue;
        best = cpu;
        least = urgency(&runqueues[cpu]);
    }
    return best;
}

/* An idle CPU looks into others' queues when it has taken the interrupt. */
static void wake_an_idle_cpu(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the thread is queued; sched_idle() has the other half */
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (cpu != this_cpu()->cpu && is_idle(cpu)) {
            cpu_request_reschedule(cpu);
            return;
        }
}

/* The queue that t belongs into, locked. */
static struct runqueue *lock_queue_for(const struct thread *t)
{
    for (unsigned tries = 0;; tries++) {
        struct runqueue *rq = &runqueues[choose_cpu(t)];
        rq_lock(rq);
        if (tries == nr_cpus || t->pinned || urgency(rq) < t->priority || rq == &runqueues[t->cpu])
            return rq;
        rq_unlock(rq); /* somebody else has gone there meanwhile */
    }
}

/* READY and in no queue: t is the caller's alone, until the lock is dropped. */
void sched_queue(struct thread *t)
{
    bool irq = irq_save();
    struct runqueue *rq = lock_queue_for(t);
    unsigned number = (unsigned)(rq - runqueues);
    struct percpu *cpu = cpu_area(number);
    bool local = cpu == this_cpu(), kick = urgency(rq) < t->priority, may_move = !t->pinned;

    WRITE_ONCE(t->cpu, number);
    enqueue(rq, t);
    if (kick) {
        rq->need_resched = true;
        cpu->user_work = true;
    }
    if (!kick && local && rq->nr_queued == 1)
        set_timer(rq, current_thread()); /* it was alone until now: its slice counts from here */
    rq_unlock(rq);
    if (!local)
        cpu_request_reschedule(number);
    if (!kick && may_move)
        wake_an_idle_cpu();
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

int thread_pin(s64 cpu)
{
    struct thread *self = current_thread();

    if (cpu < -1 || cpu >= (s64)nr_cpus || (cpu >= 0 && !cpu_area((unsigned)cpu)->online))
        return -EINVAL;
    bool irq = irq_save();
    self->pinned = cpu >= 0;
    if (self->pinned && (unsigned)cpu != this_cpu()->cpu) {
        struct runqueue *rq = this_cpu()->runqueue;
        rq_lock(rq);
        rq->need_resched = false;
        WRITE_ONCE(self->cpu, (unsigned)cpu);
        thread_change(self, THREAD_RUNNING, THREAD_LEAVING);
        switch_to(rq, self, pick(rq));
    }
    irq_restore(irq);
    return 0;
}

void thread_trampoline(void *arg)
{
    struct thread *self = arg;

    finish_switch();
    arch_irq_enable();
    self->entry(self->argument);
    thread_exit();
}

/* --- time -------------------------------------------------------------------------------------- */
void sched_tick(void)
{
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *running = current_thread();

    sched_wake_sleepers(rq);
    rq_lock(rq);
    if (arch_clock_ns() >= running->slice_end_ns && rq->nr_queued) {
        rq->need_resched = true;
        this_cpu()->user_work = true;
        counter_inc(COUNTER_PREEMPTIONS);
    }
    set_timer(rq, running);
    rq_unlock(rq);
}

/* --- idle -------------------------------------------------------------------------------------- */
/* The most urgent one that may go elsewhere; this CPU's from now on. NULL: none. */
static struct thread *take_from(struct runqueue *from)
{
    struct thread *taken = NULL;

    rq_lock(from);
    for (unsigned p = NR_PRIORITIES; p-- > 0 && !taken;)
        list_for_each(node, &from->queue[p]) {
            struct thread *t = list_entry(node, struct thread, run_link);
            if (t->pinned)
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

/* Take a thread that waits for another CPU. */
static bool steal(struct runqueue *mine)
{
    for (unsigned i = 1; i < nr_cpus; i++) {
        struct runqueue *from = &runqueues[(this_cpu()->cpu + i) % nr_cpus];
        struct thread *t = READ_ONCE(from->nr_queued) ? take_from(from) : NULL;
        if (!t)
            continue;
        rq_lock(mine);
        enqueue(mine, t);
        rq_unlock(mine);
        return true;
    }
    return false;
}

void __noreturn sched_idle(void)
{
    struct runqueue *rq = this_cpu()->runqueue;

    for (;;) {
        arch_irq_disable();
        shootdown_serve();
        __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it is known that this CPU idles: wake_an_idle_cpu() */
        if (READ_ONCE(rq->nr_queued) || steal(rq))
            schedule();
        else
            arch_idle();
    }
}

static void adopt(struct thread *t, const char *name, unsigned priority, u32 state)
{
    struct percpu *cpu = this_cpu();

    t->name = name;
    t->priority = priority;
    t->cpu = cpu->cpu;
    t->state = state; /* its first */
    t->stack_top = (void *)cpu->kernel_sp;
    list_init(&t->run_link);
    list_init(&t->wait_link);
    list_init(&t->sleep_link);
    list_init(&t->process_link);
    cpu->current = t;
    cpu->locks_held = 0;
}

static struct thread idle_threads[MAX_CPUS];

void sched_init(void)
{
    init_queue(&runqueues[this_cpu()->cpu]);
    adopt(&boot_thread, "boot", PRIORITY_KERNEL, THREAD_RUNNING);
}

/* Whoever calls this is the CPU's idle thread from now on. */
void sched_init_cpu(void)
{
    struct thread *idle = &idle_threads[this_cpu()->cpu];
    struct runqueue *rq = &runqueues[this_cpu()->cpu];

    if (!this_cpu()->runqueue)
        init_queue(rq);
    adopt(idle, "idle", PRIORITY_IDLE, THREAD_IDLE);
    rq->idle = idle;
    this_cpu()->online = true;
}

void sched_print_cpus(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        const struct runqueue *rq = &runqueues[cpu]; /* no thread is looked at: another CPU's may be gone by now */
        unsigned priority = READ_ONCE(rq->running_priority);
        if (!cpu_area(cpu)->online)
            kprintf("cpu %u: offline\n", cpu);
        else
            kprintf("cpu %u: %s, priority %u, %u waiting\n", cpu, priority == PRIORITY_IDLE ? "idle" : "runs", priority,
                    READ_ONCE(rq->nr_queued));
    }
}
