/* SPDX-License-Identifier: MIT */
/* Makes, ends and wakes threads. <quire/thread.h> has the table of their states. */
#include "runqueue.h"
#include <quire/kvmap.h>
#include <quire/plural.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/refs.h>
#include <quire/slab.h>
#include <quire/upcalls.h>

static u64 next_thread_id = 1;
static u32 nr_ending; /* threads that are in thread_exit() or dead, and not freed yet */
static SLAB_CACHE(thread_cache, thread, run_link, false);

static struct thread *allocate(struct quota *quota)
{
    if (!quota_charge(quota, THREAD_FRAMES))
        return NULL;
    struct thread *t = slab_alloc(&thread_cache);
    void *stack = t ? kstack_alloc() : NULL;
    if (!stack) {
        if (t)
            slab_free(&thread_cache, t);
        quota_uncharge(quota, THREAD_FRAMES);
        return NULL;
    }
    t->stack_top = stack;
    t->quota = quota;
    return t;
}

void thread_get(struct thread *t) { __atomic_fetch_add(&t->refs, 1, __ATOMIC_RELAXED); }

void thread_put(struct thread *t)
{
    if (!refs_put(&t->refs, 1, "thread", t))
        return;
    if (t->ipc.call)
        ipc_thread_gone();
    slab_free(&thread_cache, t);
}

void thread_discard(struct thread *t)
{
    struct quota *quota = t->quota;

    kstack_free(t->stack_top);
    thread_put(t);
    quota_uncharge(quota, THREAD_FRAMES); /* last: it may free the account */
}

void thread_free_dead(struct thread *t)
{
    thread_discard(t);
    __atomic_sub_fetch(&nr_ending, 1, __ATOMIC_RELEASE);
}

bool threads_are_ending(void) { return __atomic_load_n(&nr_ending, __ATOMIC_ACQUIRE) != 0; }

struct thread *thread_create(const char *name, struct process *process, unsigned priority, void (*fn)(void *),
                             void *arg)
{
    struct thread *t = allocate(process ? process->quota : NULL);

    if (!t)
        return NULL;
    t->name = name;
    t->process = process;
    t->priority = t->own_priority = priority;
    t->refs = 1;
    t->state = THREAD_NEW;
    t->id = __atomic_fetch_add(&next_thread_id, 1, __ATOMIC_RELAXED);
    t->entry = fn;
    t->argument = arg;
    list_init(&t->run_link);
    list_init(&t->wait_link);
    alarm_init(&t->alarm, t);
    list_init(&t->process_link);
    list_init(&t->ipc.link);
    arch_fpu_init(&t->fpu);
    /* The kernel stack begins below the user frame. Whoever makes a user thread fills this frame before it starts. */
    arch_context_init(&t->context, arch_user_frame(t->stack_top), thread_trampoline, t);
    return t;
}

void __noreturn thread_exit(void)
{
    arch_irq_disable();
    struct thread *self = current_thread();
    KASSERT(locks_held() == 0, "thread %s exits holding %u lock%s: %s", self->name, locks_held(), plural(locks_held()),
            locks_text());
    __atomic_add_fetch(&nr_ending, 1, __ATOMIC_RELAXED);
    thread_change(self, THREAD_RUNNING, THREAD_DEAD);
    schedule();
    panic("a dead thread runs");
}

/* --- waiting and waking ------------------------------------------------------------------------ */
void thread_announce_wait(void)
{
    thread_waits(current_thread());
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the state is stored before the caller looks at what it waits for */
}

/* After schedule() the state is RUNNING already. */
void thread_withdraw_wait(void)
{
    struct thread *self = current_thread();

    if (READ_ONCE(self->state) == THREAD_RUNNING || thread_try_change(self, THREAD_WAITING, THREAD_RUNNING))
        return;
    thread_change(self, THREAD_WOKEN, THREAD_RUNNING); /* somebody woke it after it had announced the wait */
    this_cpu()->user_work = true; /* the wake-up may be a kill, even if what it waited for has come true */
}

bool thread_wake(struct thread *t)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* what t waits for is stored before its state is read */
    for (;;) {
        u32 state = __atomic_load_n(&t->state, __ATOMIC_ACQUIRE);
        if (state == THREAD_WAITING) {
            if (thread_try_change(t, THREAD_WAITING, THREAD_WOKEN))
                return true;
        } else if (state == THREAD_BLOCKED) {
            if (thread_try_change(t, THREAD_BLOCKED, THREAD_READY)) {
                sched_queue(t);
                return true;
            }
        } else {
            return false;
        }
    }
}

/*
 * A thread that waited is awake now and sees the kill itself. Else its CPU gets a message, whatever the thread's state
 * is now. The reason: a thread that ran a moment ago may have announced a wait since then, found that it needn't wait,
 * and gone back to user mode without a look at the kill. A thread that doesn't run looks in trap_user_work(), before
 * it is in user mode again; for such a thread the message does nothing.
 */
void thread_interrupt(struct thread *t)
{
    if (!thread_wake(t))
        cpu_request_reschedule(READ_ONCE(t->cpu));
}

/*
 * Whoever kills may be on its way to thread_interrupt() still. So a thread that has seen the kill looks again itself.
 */
bool current_killed(void)
{
    const struct process *p = current_process();
    bool killed = p && process_killed(p);

    if (unlikely(killed))
        this_cpu()->user_work = true;
    return killed;
}

struct running running_now(void)
{
    const struct thread *t = current_thread();

    if (!t)
        return (struct running){.thread = "none"};
    const char *process = t->process ? t->process->name : NULL;
    return (struct running){.thread = t->name, .process = process, .stack_top = t->stack_top};
}
