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
struct quota;
struct runqueue;

#define NR_PRIORITIES 8
#define PRIORITY_IDLE 0
#define PRIORITY_USER 3
#define PRIORITY_KERNEL 5
#define TIME_SLICE_NS 10000000UL

/*
 * One word says what a thread does. Every change is made by thread_change() or thread_try_change() in
 * kernel/sched/runqueue.h, which panic at one that isn't in this table.
 *
 *   from     to       by whom                                      under
 *   NEW      READY    thread_start(): whoever made it              nothing: nobody else has it
 *   READY    RUNNING  its CPU, which takes it out of the queue     run queue's lock
 *   RUNNING  READY    itself, when others' turn has come           run queue's lock, held until it is off its stack
 *   RUNNING  WAITING  itself: it says that it is about to wait     nothing (a wait queue's lock, if there is one)
 *   WAITING  RUNNING  itself: it needn't wait                      nothing; compare and swap
 *   WAITING  WOKEN    thread_wake(): the wait need not begin       nothing; compare and swap
 *   WAITING  BLOCKED  its CPU, when it is off its stack            run queue's lock; compare and swap
 *   WOKEN    RUNNING  itself, still or again on its CPU            run queue's lock, or none when it doesn't switch
 *   WOKEN    READY    its CPU, when it is off its stack            nothing: nobody else touches a woken one
 *   BLOCKED  READY    thread_wake(): whoever swaps queues it       nothing; compare and swap
 *   RUNNING  LEAVING  itself, on its way to another CPU            old run queue's lock
 *   LEAVING  READY    its old CPU, when it is off its stack        nothing
 *   RUNNING  DEAD     itself                                       nothing; freed by its CPU when it is off its stack
 *   IDLE     -        a CPU's idle thread stays what it is
 *
 * So only a waiting or blocked thread can be woken; in any other state a wake-up does nothing. Whoever waits says so
 * first (WAITING), and looks then at what it waits for, and at `killed`; whoever makes that true stores it first, and
 * looks at the state then; there is a full barrier between the two steps on both sides, so one of them sees the other.
 */
enum thread_state {
    THREAD_NEW,
    THREAD_READY,
    THREAD_RUNNING,
    THREAD_WAITING,
    THREAD_WOKEN,
    THREAD_BLOCKED,
    THREAD_LEAVING,
    THREAD_DEAD,
    THREAD_IDLE,
    NR_THREAD_STATES,
};

struct thread {
    unsigned locks_held; /* while it doesn't run; else its CPU counts, <quire/spinlock.h> */
    u32 state;           /* enum thread_state */
    struct arch_context context;
    void *stack_top;
    struct process *process; /* NULL: a kernel thread, or one that has left its process and ends */
    /* whose user space it runs in: its process's or, inside a guest, that guest's; NULL: none */
    struct mm *mm;
    struct list run_link;    /* run queue; under its lock */
    struct list wait_link;   /* wait queue; under its lock */
    struct list sleep_link;  /* a CPU's sleepers; under their lock */
    struct runqueue *sleeps_at; /* whose sleepers; the thread's own */
    struct list process_link;
    unsigned cpu;            /* run queue it belongs to; changed under that queue's lock, or by who queues it */
    unsigned priority;
    bool pinned;             /* stays on its CPU */
    u64 slice_end_ns;
    u64 wake_at_ns;
    u64 id;
    u64 run_ns;
    const char *name;
    void (*entry)(void *); /* first function and its argument */
    void *argument;
    struct quota *quota;     /* charged for it; NULL: nobody */
    struct guest_run *guest; /* inside a guest, <quire/guest.h>; NULL: not */
    struct arch_fpu fpu;
};

static inline struct thread *current_thread(void) { return this_cpu()->current; }
static inline struct process *current_process(void) { return current_thread()->process; }

void sched_init(void);     /* boot CPU: makes the caller the boot thread */
void sched_init_cpu(void); /* every other CPU: makes the caller its idle thread */
void __noreturn sched_idle(void);

/*
 * A thread that starts at fn(arg), not running yet. Process NULL: kernel thread; else its account is charged
 * THREAD_FRAMES until the thread is gone. NULL: no memory, or the account says no.
 */
#define THREAD_FRAMES (KSTACK_SIZE / PAGE_SIZE + 1) /* the stack; descriptor and share of the stack's table */
struct thread *thread_create(const char *name, struct process *process, unsigned priority, void (*fn)(void *),
                             void *arg);
void thread_start(struct thread *thread); /* on an idle CPU if there is one; it may be gone when this returns */
void thread_start_on(struct thread *thread, unsigned cpu); /* and it stays there */
/* the caller goes to that CPU and stays there; -1: anywhere again. -EINVAL: no such CPU. No locks held */
int thread_pin(s64 cpu);
void __noreturn thread_exit(void);
void thread_discard(struct thread *thread); /* one that never started */

/* Let somebody else run, or begin the wait that was announced; interrupts may be on or off. */
void schedule(void);
void thread_yield(void);

/*
 * A wait in three steps: announce, look at what is waited for, schedule(); then, or instead of schedule(), withdraw.
 * Between the first and the last the thread doesn't block in another way. <quire/sync.h> has it with a queue.
 */
void thread_announce_wait(void);
void thread_withdraw_wait(void);
/* Any context; the caller sees to it that the thread lives. False: it doesn't wait, so nothing was done. */
bool thread_wake(struct thread *thread);
/* Out of a wait, or out of user mode, to look at `killed`, which was stored before. */
void thread_interrupt(struct thread *thread);

/* Ends early when somebody wakes the thread, and at once when its process is killed. No locks held. */
void thread_sleep_until(u64 deadline_ns);

void sched_tick(void);        /* trap_timer() */
bool sched_need_resched(void);
void sched_rearm_timer(void); /* after somebody else used this CPU's timer */
void sched_print_cpus(void);

bool current_killed(void); /* the caller's process was killed; kernel threads: false */
