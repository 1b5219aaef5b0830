/* SPDX-License-Identifier: MIT */
/*
 * Threads and the scheduler: a run queue per CPU, eight priorities, time slices, idle that waits.
 *
 * A thread runs on its kernel stack until it blocks, returns to user mode with a reschedule due, or passes a
 * preempt_point(): kernel code isn't preempted anywhere else. A run queue's lock is held across the switch
 * and dropped by whoever runs next, so no other CPU can take a thread whose registers aren't saved yet.
 */
#pragma once

#include <quire/list.h>
#include <quire/sync.h>
#include <arch-generic/context.h>

struct process;
struct guest_run;

#define NR_PRIORITIES 8
#define PRIORITY_IDLE 0
#define PRIORITY_USER 3
#define PRIORITY_KERNEL 5
#define TIME_SLICE_NS 10000000UL

enum thread_state { THREAD_RUNNABLE, THREAD_BLOCKED, THREAD_DEAD };

struct thread {
    unsigned locks_held; /* while it doesn't run; else its CPU counts, <quire/spinlock.h> */
    enum thread_state state;
    struct arch_context context;
    void *stack_top;
    struct process *process; /* NULL: a kernel thread */
    struct list run_link;    /* run queue */
    struct list wait_link;   /* wait queue or sleepers */
    struct list process_link;
    spinlock_t wait_lock;    /* waiting_on; after the queue's lock */
    struct wait_queue *waiting_on;
    bool sleeping;           /* in a CPU's list of sleepers */
    unsigned cpu;            /* run queue it belongs to */
    unsigned priority;
    bool queued;
    bool pinned;             /* stays on its CPU */
    u64 slice_end_ns;
    u64 wake_at_ns;          /* sleeping with a deadline; 0: without */
    u64 id;
    u64 run_ns;
    const char *name;
    void (*entry)(void *); /* first function and its argument */
    void *argument;
    struct guest_run *guest; /* inside a guest, <quire/guest.h>; NULL: not */
    struct arch_fpu fpu;
};

static inline struct thread *current_thread(void) { return this_cpu()->current; }
static inline struct process *current_process(void) { return current_thread()->process; }

void sched_init(void);     /* boot CPU: makes the caller the boot thread */
void sched_init_cpu(void); /* every other CPU: makes the caller its idle thread */
void __noreturn sched_idle(void);

/* A thread that starts at fn(arg), not running yet. Process NULL: kernel thread. NULL: no memory. */
struct thread *thread_create(const char *name, struct process *process, unsigned priority, void (*fn)(void *),
                             void *arg);
void thread_start(struct thread *thread);
void thread_start_on(struct thread *thread, unsigned cpu); /* and it stays there */
int thread_pin(int cpu); /* the caller goes to that CPU and stays there; -1: anywhere again. -EINVAL: no such CPU. No locks held */
void __noreturn thread_exit(void);
void thread_discard(struct thread *thread);   /* one that never started */
void thread_interrupt(struct thread *thread); /* out of a wait or sleep, or into the kernel: look at `killed` */

void schedule(void); /* let somebody else run; interrupts may be on or off */
void thread_yield(void);
void thread_sleep_until(u64 deadline_ns);
void thread_wake(struct thread *thread); /* from a wait queue's lock or an interrupt */

void sched_tick(void);        /* trap_timer() */
bool sched_need_resched(void);
void sched_rearm_timer(void); /* after somebody else used this CPU's timer */
bool sched_end_sleep(struct thread *thread);
void sched_print_cpus(void);

struct mm *thread_mm(const struct thread *thread); /* whose user space it runs in; NULL: none */
