/* SPDX-License-Identifier: MIT */
/*
 * The scheduler: see <quire/thread.h>. Run-queue locks are below all others; taken with interrupts off,
 * not counted as held locks because they pass from thread to thread across a switch.
 */
#include <quire/thread.h>
#include <quire/cacheflush.h>
#include <quire/counters.h>
#include <quire/errno.h>
#include <quire/kvmap.h>
#include <quire/log.h>
#include <quire/mm.h>
#include <quire/mm_upcalls.h>
#include <quire/process.h>
#include <quire/shootdown.h>
#include <quire/slab.h>
#include <arch-generic/machine.h>

#define TURN_MIN_NS 200000u
#define TURN_VARIATION_NS 600000u

struct runqueue {
    u32 locked;
    u32 occupied; /* bit p: queue[p] isn't empty */
    struct list queue[NR_PRIORITIES];
    unsigned nr_queued;
    bool need_resched;
    struct thread *idle;
    struct list sleepers; /* threads with a deadline, soonest first */
    struct thread *dead;  /* exited; freed by whoever runs next */
    struct thread *leaving; /* for another CPU; sent there by whoever runs next, when it isn't on its stack any more */
    u64 switched_at_ns;
    u64 turn; /* state of turn_ns() */
};

static struct runqueue runqueues[MAX_CPUS];
static u64 next_thread_id = 1;
static struct thread boot_thread;
static SLAB_CACHE(thread_cache, thread, run_link, false);

static void rq_lock(struct runqueue *rq)
{
    while (__atomic_exchange_n(&rq->locked, 1, __ATOMIC_ACQUIRE))
        while (READ_ONCE(rq->locked)) {
            cpu_relax();
            shootdown_serve();
        }
}
static void rq_unlock(struct runqueue *rq) { __atomic_store_n(&rq->locked, 0, __ATOMIC_RELEASE); }

static void init_queue(struct runqueue *rq)
{
    for (unsigned p = 0; p < NR_PRIORITIES; p++)
        list_init(&rq->queue[p]);
    list_init(&rq->sleepers);
    this_cpu()->runqueue = rq;
}

static void enqueue(struct runqueue *rq, struct thread *t)
{
    list_push_back(&rq->queue[t->priority], &t->run_link);
    rq->occupied |= 1u << t->priority;
    rq->nr_queued++;
    t->queued = true;
}

static void dequeue(struct runqueue *rq, struct thread *t)
{
    list_remove(&t->run_link);
    if (list_empty(&rq->queue[t->priority]))
        rq->occupied &= ~(1u << t->priority);
    rq->nr_queued--;
    t->queued = false;
}

static struct thread *pick(struct runqueue *rq)
{
    if (!rq->occupied)
        return rq->idle;
    unsigned p = 31u - (unsigned)__builtin_clz(rq->occupied);
    struct thread *t = list_entry(rq->queue[p].next, struct thread, run_link);
    dequeue(rq, t);
    return t;
}

/* The same sequence at each boot, another one for each CPU. */
static u64 turn_ns(struct runqueue *rq)
{
    rq->turn = rq->turn * 6364136223846793005UL + 2 * this_cpu()->cpu + 1; /* Knuth's MMIX generator */
    return TURN_MIN_NS + (u32)(rq->turn >> 32) % TURN_VARIATION_NS;
}

/*
 * The next thing this CPU's timer has to do, with the thread that runs from now on. The end of a slice that is
 * noted already needs no second interrupt, but sleepers go on counting: kernel code may take its time.
 *
 * Where there are several CPUs, a thread's time comes in turns, even if it is alone: another CPU may have queued a
 * thread here meanwhile; and under -icount QEMU runs one CPU at a time until some timer is due, then leaves out the
 * next, so one that spins in user mode must let others in at times (trap_timer()). Turns differ in length, at
 * random, or it would be the same CPU that is left out each time.
 */
static void set_timer(struct runqueue *rq, const struct thread *next)
{
    u64 deadline = ~0UL;

    if (rq->nr_queued && next != rq->idle && !rq->need_resched)
        deadline = next->slice_end_ns;
    if (nr_cpus > 1 && next != rq->idle)
        deadline = MIN(deadline, arch_clock_ns() + turn_ns(rq));
    if (!list_empty(&rq->sleepers))
        deadline = MIN(deadline, list_entry(rq->sleepers.next, struct thread, wait_link)->wake_at_ns);
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

static void free_thread(struct thread *t)
{
    kstack_free(t->stack_top);
    slab_free(&thread_cache, t);
}

void thread_discard(struct thread *t) { free_thread(t); }

static void make_runnable(struct thread *t);

/* First thing after a switch, still on the old run queue's lock. */
static void finish_switch(void)
{
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *dead = rq->dead, *leaving = rq->leaving;

    rq->dead = rq->leaving = NULL;
    rq_unlock(rq);
    if (dead)
        free_thread(dead);
    if (leaving) {
        WRITE_ONCE(leaving->queued, false);
        make_runnable(leaving);
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
    next->cpu = cpu->cpu;
    if (prev->process)
        arch_fpu_save(&prev->fpu);
    cpu->current = next;
    prev->locks_held = cpu->locks_held;
    cpu->locks_held = next->locks_held;
    cpu->kernel_sp = (u64)next->stack_top;
    cpu->user_work = true; /* killed meanwhile? its code fenced on this CPU? */
    mm_activate(thread_mm(next));
    if (next->process)
        arch_fpu_restore(&next->fpu);
    set_timer(rq, next);
    arch_switch(&prev->context, &next->context);
    finish_switch();
}

void schedule(void)
{
    bool irq = irq_save();
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *prev = current_thread();

    rq_lock(rq);
    rq->need_resched = false;
    if (prev->state == THREAD_RUNNABLE && prev != rq->idle && !prev->queued)
        enqueue(rq, prev);
    struct thread *next = pick(rq);
    if (next != prev) {
        if (prev->state == THREAD_DEAD)
            rq->dead = prev;
        switch_to(rq, prev, next);
    } else {
        next->slice_end_ns = arch_clock_ns() + TIME_SLICE_NS;
        set_timer(rq, next);
        rq_unlock(rq);
    }
    irq_restore(irq);
}

/* Whoever is waited for may run on another CPU: under -icount that needs its turn. */
void thread_yield(void)
{
    if (nr_cpus > 1)
        cpu_relax();
    schedule();
}

bool sched_need_resched(void) { return READ_ONCE(this_cpu()->runqueue->need_resched); }

bool preempt_point(void)
{
    const struct process *p = current_process();

    if (unlikely(sched_need_resched()) && arch_irq_enabled())
        schedule();
    return p && READ_ONCE(p->killed);
}

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

/* Make it runnable on its CPU, and tell that CPU if it should switch. */
static void make_runnable(struct thread *t)
{
    bool irq = irq_save();
    struct runqueue *rq = &runqueues[t->cpu];

    rq_lock(rq);
    if (t->state == THREAD_DEAD || t->queued) {
        rq_unlock(rq);
        irq_restore(irq);
        return;
    }
    t->state = THREAD_RUNNABLE;
    enqueue(rq, t);
    struct percpu *cpu = cpu_area(t->cpu);
    struct thread *running = READ_ONCE(cpu->current);
    bool kick = running == rq->idle || running->priority < t->priority;
    bool local = cpu == this_cpu();
    if (kick) {
        rq->need_resched = true;
        cpu->user_work = true;
    }
    if (!kick && local && rq->nr_queued == 1)
        set_timer(rq, running); /* it was alone until now: its slice counts from here */
    rq_unlock(rq);
    if (!local)
        cpu_request_reschedule(t->cpu);
    irq_restore(irq);
}

void thread_wake(struct thread *t) { make_runnable(t); }

void thread_start(struct thread *t)
{
    t->cpu = least_loaded();
    make_runnable(t);
}

void thread_start_on(struct thread *t, unsigned cpu)
{
    t->cpu = cpu;
    t->pinned = true;
    make_runnable(t);
}

int thread_pin(int cpu)
{
    struct thread *self = current_thread();

    if (cpu < -1 || (cpu >= 0 && ((unsigned)cpu >= nr_cpus || !cpu_area((unsigned)cpu)->online)))
        return -EINVAL;
    bool irq = irq_save();
    self->pinned = cpu >= 0;
    if (self->pinned && (unsigned)cpu != this_cpu()->cpu) {
        struct runqueue *rq = this_cpu()->runqueue;
        rq_lock(rq);
        rq->need_resched = false;
        self->cpu = (unsigned)cpu;
        self->queued = true; /* so that nobody who wakes it puts it there before finish_switch() does */
        rq->leaving = self;
        switch_to(rq, self, pick(rq));
    }
    irq_restore(irq);
    return 0;
}

static void thread_trampoline(void *arg)
{
    struct thread *self = arg;

    finish_switch();
    arch_irq_enable();
    self->entry(self->argument);
    thread_exit();
}

struct thread *thread_create(const char *name, struct process *process, unsigned priority, void (*fn)(void *),
                             void *arg)
{
    struct thread *t = slab_alloc(&thread_cache);

    if (!t)
        return NULL;
    t->stack_top = kstack_alloc();
    if (!t->stack_top) {
        slab_free(&thread_cache, t);
        return NULL;
    }
    t->name = name;
    t->process = process;
    t->priority = priority;
    t->state = THREAD_BLOCKED;
    t->id = __atomic_fetch_add(&next_thread_id, 1, __ATOMIC_RELAXED);
    t->entry = fn;
    t->argument = arg;
    list_init(&t->run_link);
    list_init(&t->wait_link);
    list_init(&t->process_link);
    arch_fpu_init(&t->fpu);
    /* Below the place of the user frame, which is filled in before the thread runs. */
    arch_context_init(&t->context, arch_user_frame(t->stack_top), thread_trampoline, t);
    return t;
}

void __noreturn thread_exit(void)
{
    arch_irq_disable();
    struct thread *self = current_thread();
    KASSERT(locks_held() == 0, "thread %s exits holding %u locks", self->name, locks_held());
    self->state = THREAD_DEAD;
    schedule();
    panic("a dead thread runs");
}

/* --- time -------------------------------------------------------------------------------------- */
static void wake_sleepers(struct runqueue *rq, u64 now)
{
    for (;;) {
        rq_lock(rq);
        struct thread *t = list_empty(&rq->sleepers) ? NULL
                                                     : list_entry(rq->sleepers.next, struct thread, wait_link);
        if (!t || t->wake_at_ns > now) {
            rq_unlock(rq);
            return;
        }
        list_remove(&t->wait_link);
        t->sleeping = false;
        rq_unlock(rq);
        make_runnable(t);
    }
}

/* Out of the sleepers before its time; false: it doesn't sleep. */
bool sched_end_sleep(struct thread *t)
{
    bool irq = irq_save();
    struct runqueue *rq = &runqueues[t->cpu]; /* a blocked thread stays where it is */

    rq_lock(rq);
    bool slept = t->sleeping;
    if (slept) {
        list_remove(&t->wait_link);
        t->sleeping = false;
    }
    rq_unlock(rq);
    irq_restore(irq);
    if (slept)
        make_runnable(t);
    return slept;
}

void sched_tick(void)
{
    struct runqueue *rq = this_cpu()->runqueue;
    struct thread *running = current_thread();
    u64 now = arch_clock_ns();

    wake_sleepers(rq, now);
    rq_lock(rq);
    if (now >= running->slice_end_ns && rq->nr_queued) {
        rq->need_resched = true;
        this_cpu()->user_work = true;
        counter_inc(COUNTER_PREEMPTIONS);
    }
    set_timer(rq, running);
    rq_unlock(rq);
}

void thread_sleep_until(u64 deadline_ns)
{
    bool irq = irq_save();
    struct thread *self = current_thread();
    struct runqueue *rq = this_cpu()->runqueue;

    KASSERT(locks_held() == 0, "thread %s sleeps holding %u locks", self->name, locks_held());
    rq_lock(rq);
    self->wake_at_ns = deadline_ns;
    struct list *at = rq->sleepers.prev;
    while (at != &rq->sleepers && list_entry(at, struct thread, wait_link)->wake_at_ns > deadline_ns)
        at = at->prev;
    list_insert_after(at, &self->wait_link);
    self->sleeping = true;
    self->state = THREAD_BLOCKED;
    rq_unlock(rq);
    schedule();
    irq_restore(irq);
}

/* --- idle -------------------------------------------------------------------------------------- */
/* Take a waiting thread from the longest other queue. */
static bool steal(struct runqueue *mine)
{
    struct runqueue *from = NULL;

    for (unsigned cpu = 0; cpu < nr_cpus; cpu++)
        if (&runqueues[cpu] != mine && READ_ONCE(runqueues[cpu].nr_queued) > (from ? from->nr_queued : 0))
            from = &runqueues[cpu];
    if (!from)
        return false;
    rq_lock(from);
    struct thread *t = NULL;
    if (from->occupied) {
        unsigned p = 31u - (unsigned)__builtin_clz(from->occupied);
        t = list_entry(from->queue[p].next, struct thread, run_link);
        if (t->pinned || t == READ_ONCE(cpu_area((unsigned)(from - runqueues))->current))
            t = NULL; /* or woken before it has switched away: not ours yet */
        else
            dequeue(from, t);
    }
    rq_unlock(from);
    if (!t)
        return false;
    t->cpu = this_cpu()->cpu;
    rq_lock(mine);
    enqueue(mine, t);
    rq_unlock(mine);
    return true;
}

void __noreturn sched_idle(void)
{
    struct runqueue *rq = this_cpu()->runqueue;

    for (;;) {
        arch_irq_disable();
        shootdown_serve();
        if (READ_ONCE(rq->nr_queued) || steal(rq))
            schedule();
        else
            arch_idle();
    }
}

static void adopt(struct thread *t, const char *name, unsigned priority)
{
    struct percpu *cpu = this_cpu();

    t->name = name;
    t->priority = priority;
    t->cpu = cpu->cpu;
    t->state = THREAD_RUNNABLE;
    t->stack_top = (void *)cpu->kernel_sp;
    list_init(&t->run_link);
    list_init(&t->wait_link);
    list_init(&t->process_link);
    cpu->current = t;
    cpu->locks_held = 0;
}

static struct thread idle_threads[MAX_CPUS];

void sched_init(void)
{
    init_queue(&runqueues[this_cpu()->cpu]);
    adopt(&boot_thread, "boot", PRIORITY_KERNEL);
}

/* Whoever calls this is the CPU's idle thread from now on. */
void sched_init_cpu(void)
{
    struct thread *idle = &idle_threads[this_cpu()->cpu];
    struct runqueue *rq = &runqueues[this_cpu()->cpu];

    if (!this_cpu()->runqueue)
        init_queue(rq);
    adopt(idle, "idle", PRIORITY_IDLE);
    rq->idle = idle;
    this_cpu()->online = true;
}

void sched_print_cpus(void)
{
    for (unsigned cpu = 0; cpu < nr_cpus; cpu++) {
        const struct thread *t = cpu_area(cpu)->current;
        kprintf("cpu %u: %s%s%s, %u waiting\n", cpu, t ? t->name : "offline", t && t->process ? " of " : "",
                t && t->process ? t->process->name : "", runqueues[cpu].nr_queued);
    }
}
