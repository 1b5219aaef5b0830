/* SPDX-License-Identifier: MIT */
/*
 * How threads and processes end. <quire/process.h> has the table of a process's states. Each thread ends itself; a kill
 * only tells the threads to do so. The last thread frees all that the process has, except its status. The status stays
 * until the last reference to the process is put.
 */
#include "process_list.h"
#include <quire/code_events.h>
#include <quire/guest.h>
#include <quire/log.h>
#include <quire/object.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

#define THREADS_AT_ONCE 64 /* under a process's lock */

static void drop_memory(struct process *p)
{
    spin_lock(&p->lock); /* process_mm() */
    struct mm *mm = p->mm;
    p->mm = NULL;
    spin_unlock(&p->lock);
    if (mm)
        mm_put(mm);
}

static void drop_first(struct process *p)
{
    if (p->first)
        thread_discard(p->first);
    p->first = NULL;
}

/* Kills the processes that p owns, because p was killed. Nobody else uses p's table. */
static void kill_owned(struct process *p)
{
    for (u32 i = 0; i < p->handles.end; i++) {
        const struct handle *h = handle_slot(&p->handles, i);
        if (h->object && h->object->type == OBJECT_PROCESS && h->rights & RIGHT_OWN)
            process_kill((struct process *)h->object, STATUS_KILLED);
        if (i % 512 == 511)
            preempt_point();
    }
}

void process_finish(struct process *p)
{
    if (p->status == STATUS_KILLED)
        kill_owned(p);
    handle_close_all(&p->handles);
    object_put((struct object *)p->faults.endpoint);
    p->faults.endpoint = NULL;
    drop_first(p);
    drop_memory(p);
    process_show_ended(p);
    process_tell_watchers(p);
}

/* The calling thread has ended for all that a program can see: whoever wanted to know it is told. */
static void tell_end(struct thread *self)
{
    if (self->told)
        notification_signal(self->told, self->told_bits);
    object_put((struct object *)self->told);
    self->told = NULL;
}

/*
 * The calling thread ends. If it is the last thread, the process ends, too. The thread leaves the address space before
 * it subtracts itself from nr_threads: after that, another thread may be the last and free the page tables.
 */
void __noreturn process_thread_exit(void)
{
    struct thread *self = current_thread();
    struct process *p = self->process; /* the thread's reference to the process is put at the end of this function */

    arch_irq_enable();
    guest_abandon();
    ipc_thread_ends();
    bool irq = irq_save();
    self->process = NULL;
    self->mm = NULL;
    self->name = "ending"; /* the old name is a part of the process, which may be freed */
    mm_activate(NULL);
    irq_restore(irq);
    spin_lock(&p->lock);
    list_remove(&self->process_link);
    bool last = --p->nr_threads == 0;
    if (last && p->state == PROCESS_LIVES)
        __atomic_store_n(&p->state, PROCESS_ENDING, __ATOMIC_RELEASE);
    spin_unlock(&p->lock);
    if (last)
        process_finish(p);
    object_put(&p->object);
    tell_end(self);
    thread_exit();
}

/*
 * Up to THREADS_AT_ONCE threads behind `at`, or from the first one: each is told that its process ends. Drops the
 * reference to `at`, and returns the last one with a reference; NULL: that were all. If `at` has left the process
 * meanwhile, it begins again: no thread joins a process that ends, so there are fewer each time.
 */
static struct thread *interrupt_some(struct process *p, struct thread *at)
{
    struct thread *last = NULL;

    spin_lock(&p->lock);
    struct list *node = at && !list_empty(&at->process_link) ? at->process_link.next : p->threads.next;
    for (unsigned i = 0; i < THREADS_AT_ONCE && node != &p->threads; i++, node = node->next) {
        last = list_entry(node, struct thread, process_link);
        if (last != current_thread())
            thread_interrupt(last);
    }
    if (last)
        thread_get(last);
    spin_unlock(&p->lock);
    if (at)
        thread_put(at);
    return last;
}

/* crash NULL: none. No locks held. */
static void end(struct process *p, int status, const struct quire_crash *crash)
{
    spin_lock(&p->lock);
    bool never_started = p->state == PROCESS_EMPTY;
    if (p->state < PROCESS_ENDING) {
        p->status = status;
        if (crash)
            p->crash = *crash;
        __atomic_store_n(&p->state, PROCESS_ENDING, __ATOMIC_RELEASE);
    }
    spin_unlock(&p->lock);
    for (struct thread *at = interrupt_some(p, NULL); at; at = interrupt_some(p, at))
        preempt_point(); /* the caller may be killed itself: it ends what it has begun */
    if (never_started)
        process_finish(p);
}

void process_kill(struct process *p, int status) { end(p, status, NULL); }

/* Ends the current process by a signal, and keeps for its parent where it was. */
static void __noreturn crash(const struct trapframe *tf, int status, vaddr_t addr)
{
    struct quire_crash here;

    crash_record(&here, tf, addr);
    end(current_process(), status, &here);
    process_thread_exit();
}

void __noreturn process_exit(const struct trapframe *tf, int status)
{
    if (status)
        code_failed(current_process()->mm, 0);
    if (status & STATUS_SIGNAL(~0))
        crash(tf, status, 0);
    process_kill(current_process(), status);
    process_thread_exit();
}

void __noreturn process_die(const struct trapframe *tf, int status, const char *why, vaddr_t addr)
{
    struct process *p = current_process();

    kprintf("%s (process %lu) died: %s at 0x%lx, pc 0x%lx\n", p->name, p->id, why, addr, tf_pc(tf));
    code_failed(p->mm, tf_pc(tf));
    crash(tf, status, addr);
}

void process_check_killed(void)
{
    if (unlikely(process_killed(current_process())))
        process_thread_exit();
}

void process_abandon(struct process *p)
{
    handle_close_all(&p->handles);
    object_put(&p->object);
}

void process_destroy(struct object *o)
{
    struct process *p = (struct process *)o;

    if (p->state != PROCESS_MAKING)
        process_unlist(p);
    drop_first(p);
    drop_memory(p);
    object_put((struct object *)p->faults.endpoint);
    process_tell_watchers(p);
    quota_put(p->quota);
    quota_uncharge(p->maker, PROCESS_FRAMES);
    slab_free(&process_cache, p);
}
