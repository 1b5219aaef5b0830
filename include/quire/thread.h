/* SPDX-License-Identifier: MIT */
/*
 * Threads and the scheduler: a run queue per CPU, eight priorities, time slices, and idle threads that wait for
 * interrupts.
 *
 * A thread runs on its kernel stack until it blocks, returns to user mode with a reschedule due, or passes a
 * preempt_point(): kernel code isn't preempted anywhere else. A run queue's lock is held across the switch, and the
 * thread that runs next drops it; so no other CPU can take a thread whose registers aren't saved yet.
 */
#pragma once

#include <quire/alarm.h>
#include <quire/ipc.h>
#include <quire/list.h>
#include <quire/sync.h>
#include <uapi/quire/abi.h>
#include <arch-generic/context.h>

struct process;
struct guest_run;
struct notification;
struct quota;
struct runqueue;

#define NR_PRIORITIES 8
#define PRIORITY_IDLE 0
#define PRIORITY_USER QUIRE_PRIORITY_FIRST
#define PRIORITY_USER_MAX QUIRE_PRIORITY_MAX
#define PRIORITY_KERNEL 7
#define TIME_SLICE_NS 10000000UL

/*
 * One word, the state, says what a thread does. Every change is made by thread_change() or thread_try_change() in
 * kernel/sched/runqueue.h, which panic at a change that isn't in this table.
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
 *   BLOCKED  READY    thread_wake(): who swaps queues it           nothing; compare and swap
 *   BLOCKED  RUNNING  another thread, which hands its CPU over     nothing; compare and swap
 *   RUNNING  LEAVING  itself, on its way to another CPU            old run queue's lock
 *   LEAVING  READY    its old CPU, when it is off its stack        nothing
 *   RUNNING  DEAD     itself                                       nothing; freed by its CPU when it is off its stack
 *   IDLE     -        a CPU's idle thread stays what it is
 *
 * So only a waiting or blocked thread can be woken; in any other state a wake-up does nothing. A thread that waits
 * first sets WAITING, and then looks at its condition and at `killed`. The CPU that wakes it first makes the condition
 * true, and then looks at the state. Both sides have a full barrier between the two steps, so at least one of them sees
 * the other's store.
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
    struct lock_list locks; /* valid while the thread doesn't run; else its CPU has them, <quire/spinlock.h> */
    union {
        struct {
            u32 state; /* enum thread_state */
            /* the CPU of its run queue; changed under that queue's lock, or by the CPU that queues it */
            u32 cpu;
        };
        u64 place; /* both, for sched_claim() */
    };
    struct arch_context context;
    void *stack_top;
    struct process *process; /* NULL: a kernel thread, or one that has left its process and ends */
    /* the user space that it runs in: its process's, or the guest's inside a guest; NULL: none */
    struct mm *mm;
    struct list run_link;    /* run queue; under its lock */
    struct list wait_link;   /* wait queue; under its lock */
    struct alarm alarm;      /* wakes it from a sleep; only the thread itself sets and stops it */
    struct list process_link;
    struct thread_ipc ipc;
    unsigned priority;       /* its own, or a higher one that callers lend it: <quire/ipc.h> */
    unsigned own_priority;
    unsigned queue;          /* of its run queue, while it is in there */
    /*
     * The run queue in which it is; NULL: in none. Changes under that queue's lock, so whoever holds the lock of a
     * queue knows whether the thread is in there, although another CPU may be about to queue it elsewhere.
     */
    struct runqueue *queued;
    u32 refs; /* the thread's own, and one for each duty to answer a call that it doesn't wait in any more */
    bool pinned;             /* stays on its CPU */
    bool traced;             /* its system calls are told to its process's fault handler; under process->lock */
    u64 slice_left_ns;       /* while it is in a run queue: what is left of its slice; 0: it gets a new one */
    u64 id;
    u64 run_ns;
    const char *name;
    void (*entry)(void *); /* first function and its argument */
    void *argument;
    /*
     * While the thread waits or is in a queue, not NULL: its kernel stack holds nothing. It begins there, with itself
     * as the argument, and goes to user mode then; sched_rest: it may go there at once. See kernel/sched/hand_over.h
     * and rest.c. In other states this means nothing: an ordinary switch clears it.
     */
    void (*resume)(struct thread *self);
    struct quota *quota;     /* the account that pays for it; NULL: none */
    struct notification *told; /* gets these bits at its end; with a reference. NULL: nobody is told */
    u64 told_bits;
    struct guest_run *guest; /* the guest that it runs, <quire/guest.h>; NULL: none */
    struct arch_fpu fpu;
};

static inline struct thread *current_thread(void) { return this_cpu()->current; }
static inline struct process *current_process(void) { return current_thread()->process; }

void sched_init(void);     /* boot CPU: makes the caller the boot thread */
void sched_init_cpu(void); /* every other CPU: makes the caller its idle thread */
void __noreturn sched_idle(void);

/*
 * A thread that will start at fn(arg); it doesn't run yet. Process NULL: a kernel thread; else the process's account is
 * charged THREAD_FRAMES until the thread is gone. NULL: no memory, or the account is full.
 */
/* the stack, and 1 for the descriptor and a share of the stack's table */
#define THREAD_FRAMES (KSTACK_SIZE / PAGE_SIZE + 1)
struct thread *thread_create(const char *name, struct process *process, unsigned priority, void (*fn)(void *),
                             void *arg);
void thread_start(struct thread *thread); /* on an idle CPU if there is one; it may be gone when this returns */
void thread_start_on(struct thread *thread, unsigned cpu); /* and it stays there */
/* the caller goes to that CPU and stays there; -1: anywhere again. -EINVAL: no such CPU. No locks held */
int thread_pin(s64 cpu);
void __noreturn thread_exit(void);
/* References to the descriptor alone; the thread itself may end, and its stack may be freed. */
void thread_get(struct thread *thread);
void thread_put(struct thread *thread);
void thread_discard(struct thread *thread); /* one that never started */

/* Let somebody else run, or begin the wait that was announced; interrupts may be on or off. */
void schedule(void);
void thread_yield(void);

/*
 * A wait has three steps: announce it; look at the condition; schedule(). After schedule(), or instead of it, the
 * thread withdraws. From the first step to the last the thread doesn't block in another way. <quire/sync.h> does these
 * steps with a queue.
 */
void thread_announce_wait(void);
void thread_withdraw_wait(void);
/* Any context; the caller makes sure that the thread isn't freed. False: it doesn't wait, so nothing was done. */
bool thread_wake(struct thread *thread);
/* Take the thread out of a wait, or out of user mode, so that it looks at `killed`, which the caller stored before. */
void thread_interrupt(struct thread *thread);

/* Ends early when somebody wakes the thread, and at once when its process is killed. No locks held. */
void thread_sleep_until(u64 deadline_ns);
/* The same for a wait that was announced, and that no kill ends by itself; ~0: no deadline. Withdraws the wait. */
void thread_sleep_announced(u64 deadline_ns);

/* Interrupts off: the CPU's floating-point registers hold the caller's values after this. False: they did before. */
bool sched_own_fpu(void);
void sched_copy_fpu(struct arch_fpu *to); /* the caller's, as they are now */

/*
 * From now on the thread runs, or waits for a CPU, with this priority. Only kernel/ipc/priority.c says which. The
 * caller makes sure that the thread isn't freed. Any locks but those of the scheduler.
 */
void sched_set_priority(struct thread *t, unsigned priority);

/*
 * The caller has announced that it waits, and self->resume says where it goes on. It waits at rest: its kernel stack
 * holds nothing any more. This comes back only if the caller was woken meanwhile. No locks.
 */
void sched_leave_waiting(struct thread *self);
/*
 * t waits at rest, and what it waits for is in its frame: it wakes, and goes straight to user mode. False: nothing has
 * changed, because somebody else wakes it, or it hasn't left its kernel stack yet. Then it begins at its own resume(),
 * and may rely on the caller's locks there: nobody who has woken it goes on to touch it.
 */
bool sched_wake_at_rest(struct thread *t);
extern const bool sched_rests; /* false: no thread rests, and nobody calls sched_leave_waiting() */
void sched_rest(struct thread *self); /* thread->resume: straight to user mode, kernel/sched/rest.c */
/*
 * A more urgent thread waits for this CPU, or the time slice is over, and the current thread is on its way to user mode
 * with this frame. Returns the frame to go on with: the same, or another thread's, and then the run queue is locked
 * until sched_has_left(). Interrupts off, no locks; trap_user_work() alone.
 */
struct trapframe *sched_preempt(struct trapframe *tf);
void sched_tick(void);        /* trap_timer() */
bool sched_need_resched(void);
void sched_rearm_timer(void); /* after somebody else used this CPU's timer */
void sched_print_cpus(void);

bool current_killed(void); /* the caller's process was killed; kernel threads: false */
