/* SPDX-License-Identifier: MIT */
/* Threads: making, ending, waking; see <quire/thread.h>, which has the table of their states. */
#include "runqueue.h"
#include <quire/kvmap.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>

static u64 next_thread_id = 1;
static u32 nr_ending; /* in thread_exit() or dead, and not freed yet */
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

void thread_discard(struct thread *t)
{
    kstack_free(t->stack_top);
    quota_uncharge(t->quota, THREAD_FRAMES);
    slab_free(&thread_cache, t);
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
    t->priority = priority;
    t->state = THREAD_NEW;
    t->id = __atomic_fetch_add(&next_thread_id, 1, __ATOMIC_RELAXED);
    t->entry = fn;
    t->argument = arg;
    list_init(&t->run_link);
    list_init(&t->wait_link);
    list_init(&t->sleep_link);
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
    __atomic_add_fetch(&nr_ending, 1, __ATOMIC_RELAXED);
    thread_change(self, THREAD_RUNNING, THREAD_DEAD);
    schedule();
    panic("a dead thread runs");
}

/* --- waiting and waking ------------------------------------------------------------------------ */
void thread_announce_wait(void)
{
    thread_change(current_thread(), THREAD_RUNNING, THREAD_WAITING);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* before the look at what is waited for */
}

/* After schedule() the thread runs already. */
void thread_withdraw_wait(void)
{
    struct thread *self = current_thread();

    if (READ_ONCE(self->state) == THREAD_RUNNING || thread_try_change(self, THREAD_WAITING, THREAD_RUNNING))
        return;
    thread_change(self, THREAD_WOKEN, THREAD_RUNNING); /* meanwhile */
    this_cpu()->user_work = true; /* by a kill, perhaps, and what it waited for came true as well */
}

bool thread_wake(struct thread *t)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* after the store of what it waits for */
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
 * If the thread wasn't woken, its CPU looks, whatever state the thread is in now: one that ran a moment ago may have
 * announced a wait since then, find that it needn't wait, and be back in user mode without having looked. One that
 * doesn't run will look before it is in user mode again, trap_exit_to_user(); then its CPU looks once in vain.
 */
void thread_interrupt(struct thread *t)
{
    if (!thread_wake(t))
        cpu_request_reschedule(READ_ONCE(t->cpu));
}

bool current_killed(void)
{
    const struct process *p = current_process();
    return p && process_killed(p);
}

struct running running_now(void)
{
    const struct thread *t = current_thread();

    if (!t)
        return (struct running){.thread = "none"};
    const char *process = t->process ? t->process->name : NULL;
    return (struct running){.thread = t->name, .process = process, .stack_top = t->stack_top};
}
