/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: which thread a CPU runs, and how it goes from one to the next. See <quire/thread.h> and runqueue.h.
 * place.c says on which CPU a thread waits, timer.c when a CPU's timer comes.
 */
#include "hand_over.h"
#include <quire/errno.h>
#include <quire/mm.h>
#include <quire/mm_event.h>
#include <quire/syscall.h>
#include <quire/turns.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>

static struct thread boot_thread;

#define SLICE_GIVEN_UP 1 /* runqueue.slice_end_ns: the thread yields */

static u64 place(u32 state)
{
    struct thread t = {.state = state, .cpu = this_cpu()->cpu};
    return t.place;
}

static void init_queue(struct runqueue *rq)
{
    for (unsigned p = 0; p < NR_PRIORITIES; p++)
        list_init(&rq->queue[p]);
    rq->next_alarm_ns = ~0UL;
    this_cpu()->runqueue = rq;
    this_cpu()->blocked_here = place(THREAD_BLOCKED);
    this_cpu()->running_here = place(THREAD_RUNNING);
}

static void resume(void *arg)
{
    struct thread *self = arg;
    void (*go_on)(struct thread *) = READ_ONCE(self->resume);

    go_on(self);
    arch_irq_disable();
    arch_enter_user(arch_user_frame(self->stack_top));
}

/* t's kernel stack holds nothing. */
static void begin_at_resume(struct thread *t)
{
    t->locks.nr = 0;
    t->entry = resume;
    t->argument = t;
    arch_context_init(&t->context, arch_user_frame(t->stack_top), thread_trampoline, t);
}

/* Takes the next thread for this CPU out of the queue; it is RUNNING from now on. None: the idle thread. */
static struct thread *pick(struct runqueue *rq)
{
    if (!rq->occupied)
        return rq->idle;
    unsigned p = 31u - (unsigned)__builtin_clz(rq->occupied);
    struct thread *t = list_entry(rq->queue[p].next, struct thread, run_link);
    dequeue(rq, t);
    if (t->resume)
        begin_at_resume(t);
    WRITE_ONCE(t->cpu, this_cpu()->cpu); /* thread_interrupt() reads it without the lock */
    thread_change(t, THREAD_READY, THREAD_RUNNING);
    return t;
}

/* --- switching --------------------------------------------------------------------------------- */
/* The thread that was left isn't in the queue of this CPU. Drops rq's lock. */
static __noinline void left_otherwise(struct runqueue *rq, struct thread *left)
{
    u32 state = __atomic_load_n(&left->state, __ATOMIC_ACQUIRE);

    if (state == THREAD_WAITING && !thread_try_change(left, THREAD_WAITING, THREAD_BLOCKED))
        state = THREAD_WOKEN;
    rq_unlock(rq);
    /* From here on others may change a thread that is READY or BLOCKED: this CPU doesn't touch it any more. */
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

/* The first step after a switch, still under the run queue's lock: no CPU uses the stack of cpu->left any more. */
void sched_has_left(void)
{
    struct percpu *cpu = this_cpu();
    struct runqueue *rq = cpu->runqueue;
    struct thread *left = cpu->left;

    if (likely(READ_ONCE(left->state) == THREAD_READY)) /* it is in this queue */
        rq_unlock(rq);
    else
        left_otherwise(rq, left);
}

/* prev->resume says whether prev's kernel stack still matters. Under rq's lock, which sched_has_left() drops. */
static void switch_to(struct runqueue *rq, struct thread *prev, struct thread *next)
{
    struct percpu *cpu = this_cpu();
    u64 now = arch_clock_ns();

    counter_inc(COUNTER_SWITCHES);
    thread_event(MM_EVENT_SWITCH, prev->id, next->id, next->process ? next->process->id : 0);
    watch_switch(next->process != NULL);
    prev->run_ns += now - rq->switched_at_ns;
    rq->switched_at_ns = now;
    rq->slice_end_ns = now + (next->slice_left_ns ? next->slice_left_ns : TIME_SLICE_NS);
    next->slice_left_ns = 0;
    leave_registers(cpu, prev);
    cpu->left = prev;
    WRITE_ONCE(rq->running_priority, READ_ONCE(next->priority));
    WRITE_ONCE(cpu->current, next); /* least_loaded() reads it from other CPUs */
    lock_list_copy(&prev->locks, &cpu->locks);
    lock_list_copy(&cpu->locks, &next->locks);
    cpu->kernel_sp = (u64)next->stack_top;
    cpu->calls = calls_of(next);
    cpu->user_work = true; /* on its way out, `next` asks: was I killed, and must this CPU fence for my code? */
    mm_activate(next->mm);
    enter_registers(cpu, next);
    sched_set_timer(rq, next);
    arch_switch(&prev->context, &next->context);
    sched_has_left();
}

/*
 * prev can run, but others are at least as urgent. If it shared the CPU until the end of its slice, it may go to
 * another: the switch saves its floating-point registers. If a more urgent thread takes its CPU, it keeps the rest of
 * its slice. Under rq's lock.
 */
static __noinline void step_aside(struct runqueue *rq, struct thread *prev)
{
    u64 now = arch_clock_ns();
    unsigned priority = READ_ONCE(prev->priority);
    bool over = now >= rq->slice_end_ns, equals = rq->occupied >> priority & 1;
    bool moves = over && equals && rq->slice_end_ns != SLICE_GIVEN_UP && !prev->pinned;
    unsigned cpu = moves ? sched_less_loaded(prev) : this_cpu()->cpu;

    prev->slice_left_ns = over || !(rq->occupied >> (priority + 1)) ? 0 : rq->slice_end_ns - now;
    if (cpu == this_cpu()->cpu) {
        thread_change(prev, THREAD_RUNNING, THREAD_READY);
        enqueue(rq, prev);
        sched_offer(prev);
    } else {
        WRITE_ONCE(prev->cpu, cpu);
        thread_change(prev, THREAD_RUNNING, THREAD_LEAVING);
    }
}

/* The thread that runs now: prev, if it can run and no queued thread is as urgent. Under rq's lock. */
static struct thread *choose(struct runqueue *rq, struct thread *prev)
{
    if (READ_ONCE(prev->state) == THREAD_WOKEN) { /* the wake-up came before the wait began */
        thread_change(prev, THREAD_WOKEN, THREAD_RUNNING);
        this_cpu()->user_work = true; /* a kill may have woken it */
    }
    if (READ_ONCE(prev->state) == THREAD_RUNNING) {
        if (!(rq->occupied >> READ_ONCE(prev->priority)))
            return prev;
        step_aside(rq, prev);
    }
    return pick(rq);
}

/* --- handing over -------------------------------------------------------------------------------- */
/* Whoever woke the thread that this CPU has left, has left it to this CPU. */
void sched_settle_woken(void)
{
    struct thread *left = this_cpu()->left;

    thread_change(left, THREAD_WOKEN, THREAD_READY);
    sched_queue(left);
}

bool sched_claim_anywhere(struct percpu *cpu, struct thread *t)
{
    if (sched_claim(cpu, t))
        return true;

    if (t->pinned || stays_for_fpu(t) || !thread_try_change(t, THREAD_BLOCKED, THREAD_RUNNING))
        return false;
    if (t->pinned || stays_for_fpu(t)) { /* in between it has run */
        sched_unclaim(t);
        return false;
    }
    WRITE_ONCE(t->cpu, cpu->cpu);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* a kill is seen below, or its message comes to this CPU */
    if (t->process && process_killed(t->process)) /* without one it has been killed, and ends */
        cpu->user_work = true;
    return true;
}

struct trapframe *sched_refresh_and_go(struct mm *mm, struct trapframe *to)
{
    struct percpu *cpu = this_cpu();

    mm_load_announced(cpu, mm, cpu->active_mm);
    cpu->user_work = true; /* icache_enter_user() */
    return to;
}

void sched_unclaim(struct thread *t)
{
    thread_change(t, THREAD_RUNNING, THREAD_READY);
    sched_queue(t);
}

void schedule(void)
{
    bool irq = irq_save();
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *prev = current_thread();

    rq_lock(rq);
    rq->need_resched = false;
    /* Before prev is in the queue, where pick() may find it: it has become more urgent meanwhile. */
    WRITE_ONCE(prev->resume, NULL);
    struct thread *next = choose(rq, prev);
    if (next != prev) {
        switch_to(rq, prev, next);
    } else {
        WRITE_ONCE(rq->running_priority, READ_ONCE(next->priority));
        rq->slice_end_ns = arch_clock_ns() + TIME_SLICE_NS;
        sched_set_timer(rq, next);
        rq_unlock(rq);
    }
    irq_restore(irq);
}

void sched_leave(struct runqueue *rq, struct thread *self)
{
    rq->need_resched = false;
    struct thread *next = pick(rq); /* first: self may become more urgent than all in the queue meanwhile */
    if (READ_ONCE(self->state) == THREAD_RUNNING) {
        thread_change(self, THREAD_RUNNING, THREAD_READY);
        enqueue(rq, self);
        sched_offer(self);
    }
    switch_to(rq, self, next);
    panic("thread %s goes on where it left its kernel stack for good", self->name);
}

/* The caller may wait for a thread on another CPU, so QEMU may give its turn to other CPUs, too. */
void thread_yield(void)
{
    turn_offer();
    bool irq = irq_save();
    this_cpu()->runqueue->slice_end_ns = SLICE_GIVEN_UP;
    schedule();
    irq_restore(irq);
}

bool sched_need_resched(void) { return READ_ONCE(this_cpu()->runqueue->need_resched); }

bool preempt_point(void)
{
    watch_gets_on();
    if (unlikely(sched_need_resched()) && arch_irq_enabled())
        schedule();
    return current_killed();
}

/* --- on which CPU ------------------------------------------------------------------------------ */
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
        WRITE_ONCE(self->resume, NULL);
        switch_to(rq, self, pick(rq));
    }
    irq_restore(irq);
    return 0;
}

void thread_trampoline(void *arg)
{
    struct thread *self = arg;

    sched_has_left();
    arch_irq_enable();
    self->entry(self->argument);
    thread_exit();
}

/* The run queue to which t belongs, locked. t may be in it, or run on its CPU, or neither. */
static struct runqueue *lock_queue_of(const struct thread *t)
{
    for (;;) {
        unsigned cpu = READ_ONCE(t->cpu);
        rq_lock(&runqueues[cpu]);
        if (READ_ONCE(t->cpu) == cpu)
            return &runqueues[cpu];
        rq_unlock(&runqueues[cpu]);
    }
}

/*
 * A thread in a queue is queued again, on the CPU where it runs at once now. If it is about to be queued, or a
 * hand-over has claimed it, one of the two CPUs sees what the other has stored: this one stores the priority and reads
 * CPU and state, the other stores these and reads the priority. A thread that another CPU runs, or is about to run:
 * that CPU calls schedule(), and looks itself.
 */
void sched_set_priority(struct thread *t, unsigned priority)
{
    bool irq = irq_save();

    WRITE_ONCE(t->priority, priority);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    struct runqueue *rq = lock_queue_of(t);
    struct percpu *cpu = cpu_area((unsigned)(rq - runqueues));
    bool queued = READ_ONCE(t->queued) == rq, kick = false;
    if (queued) {
        dequeue(rq, t);
    } else if (cpu != this_cpu()) {
        kick = READ_ONCE(t->state) != THREAD_BLOCKED;
    } else if (cpu->current == t) {
        WRITE_ONCE(rq->running_priority, priority);
        kick = rq->occupied >> (priority + 1); /* one that has waited for t to lose its priority */
    }
    if (kick)
        rq->need_resched = true;
    if (kick && cpu == this_cpu())
        cpu->user_work = true; /* another CPU does it itself when it gets the message */
    rq_unlock(rq);
    if (queued)
        sched_queue(t);
    if (kick && cpu != this_cpu())
        cpu_request_reschedule(cpu->cpu);
    irq_restore(irq);
}

/* --- floating-point registers --------------------------------------------------------------------- */
bool sched_own_fpu(void)
{
    struct percpu *cpu = this_cpu();

    if (cpu->fpu_owner == cpu->current)
        return false;
    save_fpu(cpu);
    load_fpu(cpu, cpu->current);
    return true;
}

void sched_copy_fpu(struct arch_fpu *to)
{
    bool irq = irq_save(); /* another thread that ran here would change the CPU's registers */

    sched_own_fpu();
    arch_own_save(to);
    arch_fpu_save(to);
    irq_restore(irq);
}

/* --- time -------------------------------------------------------------------------------------- */
void sched_tick(void)
{
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *running = current_thread();

    sched_ring_alarms(rq);
    rq_lock(rq);
    if (arch_clock_ns() >= rq->slice_end_ns && rq->nr_queued) {
        rq->need_resched = true;
        this_cpu()->user_work = true;
        counter_inc(COUNTER_PREEMPTIONS);
    }
    sched_set_timer(rq, running);
    rq_unlock(rq);
}

/* --- idle -------------------------------------------------------------------------------------- */
void __noreturn sched_idle(void)
{
    struct runqueue *rq = this_cpu()->runqueue;

    for (;;) {
        arch_irq_disable();
        shootdown_serve();
        /* Others see that it idles before it looks: sched_wake_an_idle_cpu(). */
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        if (READ_ONCE(rq->nr_queued) || sched_steal(rq))
            schedule();
        else
            arch_idle();
    }
}

static void adopt(struct thread *t, const char *name, unsigned priority, u32 state)
{
    struct percpu *cpu = this_cpu();

    t->name = name;
    t->priority = t->own_priority = priority;
    t->refs = 1;
    t->cpu = cpu->cpu;
    t->state = state; /* the thread's first state: not a change */
    t->stack_top = (void *)cpu->kernel_sp;
    list_init(&t->run_link);
    list_init(&t->wait_link);
    alarm_init(&t->alarm, t);
    list_init(&t->process_link);
    cpu->current = t;
    cpu->locks.nr = 0;
}

static struct thread idle_threads[MAX_CPUS];

void sched_init(void)
{
    init_queue(&runqueues[this_cpu()->cpu]);
    adopt(&boot_thread, "boot", PRIORITY_KERNEL, THREAD_RUNNING);
}

/* From now on the caller is this CPU's idle thread. */
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
        const struct runqueue *rq = &runqueues[cpu]; /* no thread is read: another CPU's thread may be freed by now */
        unsigned priority = READ_ONCE(rq->running_priority);
        if (!cpu_area(cpu)->online)
            kprintf("cpu %u: offline\n", cpu);
        else
            kprintf("cpu %u: %s, priority %u, %u waiting\n", cpu, priority == PRIORITY_IDLE ? "idle" : "runs", priority,
                    READ_ONCE(rq->nr_queued));
    }
}
