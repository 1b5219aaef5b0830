/* SPDX-License-Identifier: MIT */
/*
 * Processes from outside: a program makes one, gives it memory through its handle, and starts it. <quire/process.h> has
 * the table of a process's states.
 *
 * Starting: process_begin() takes the state from EMPTY to STARTING and counts as a thread meanwhile. So nobody else
 * starts the process, and a kill at that moment leaves the end of the process to process_begin(). process_write() does
 * the same, and gives up at its end: so no thread runs in the memory to which it writes.
 */
#include "process_list.h"
#include <quire/errno.h>
#include <quire/object.h>
#include <quire/uaccess.h>
#include <quire/upcalls.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

/* --- making ------------------------------------------------------------------------------------ */
/* The number of the caller's handle to p, which has memory or not. On an error p is gone. */
static int show(struct process *p)
{
    int number = process_show_to_maker(p);

    if (number < 0)
        process_abandon(p);
    return number;
}

int process_create(const char *name, u64 ceiling)
{
    struct process *maker = current_process();

    if (ceiling > maker->ceiling)
        return -EPERM;
    struct process *p = process_new(maker, name, true);

    if (!p)
        return -ENOMEM;
    p->ceiling = ceiling ? (unsigned)ceiling : maker->ceiling;
    p->mm = mm_create();
    if (p->mm && !mm_set_quota(p->mm, p->quota))
        return show(p);
    process_abandon(p);
    return -ENOMEM;
}

int process_clone(const struct trapframe *tf)
{
    struct process *self = current_process(), *p = process_new(self, self->name, false);
    struct trapframe frame = *tf;

    if (!p)
        return -ENOMEM;
    tf_set_ret(&frame, QUIRE_IN_CHILD);
    p->mm = mm_clone(self->mm);
    p->first = p->mm ? process_new_thread(p, &frame) : NULL;
    if (!p->first) {
        process_abandon(p);
        return -ENOMEM;
    }
    sched_copy_fpu(&p->first->fpu);
    return show(p);
}

/* --- starting ---------------------------------------------------------------------------------- */
/* start NULL: not to start it. */
static int claim(struct process *p, const struct start *start)
{
    int err = 0;

    spin_lock(&p->lock);
    if (p->state >= PROCESS_ENDING)
        err = -ESRCH;
    else if (p->state != PROCESS_EMPTY)
        err = -EBUSY;
    else if (start && !p->first != !!start->frame)
        err = -EINVAL;
    if (!err) {
        WRITE_ONCE(p->state, PROCESS_STARTING);
        p->nr_threads++;
    }
    spin_unlock(&p->lock);
    return err;
}

/* The claim is over: p lives with this thread. -ESRCH: it was killed meanwhile. */
static int live(struct process *p, struct thread *t)
{
    spin_lock(&p->lock);
    bool lives = p->state == PROCESS_STARTING;
    if (lives) {
        process_join(p, t);
        p->nr_threads--;
        p->first = NULL;
        __atomic_store_n(&p->state, PROCESS_LIVES, __ATOMIC_RELEASE);
    }
    spin_unlock(&p->lock);
    return lives ? 0 : -ESRCH;
}

/* The claim is over without a thread: p is EMPTY as before, or, if it was killed meanwhile, its end is here. */
static void give_up(struct process *p)
{
    handle_close_all(&p->handles);
    spin_lock(&p->lock);
    bool killed = p->state != PROCESS_STARTING;
    if (!killed)
        __atomic_store_n(&p->state, PROCESS_EMPTY, __ATOMIC_RELEASE);
    p->nr_threads--;
    spin_unlock(&p->lock);
    if (killed)
        process_finish(p);
}

static int give_handles(struct process *p, struct start *start)
{
    int err = handle_copy_all(&p->handles, &current_process()->handles, start->nr_same);

    for (unsigned i = 0; !err && i < start->nr_given; i++) {
        const struct handle *h = &start->given[i];
        int number = handle_reserve(&p->handles); /* in order: the table is empty */
        if (number < 0)
            return number;
        object_get(h->object);
        handle_fill(&p->handles, number, h->object, h->rights, h->badge);
    }
    return err;
}

int process_begin(struct process *p, struct start *start)
{
    int err = claim(p, start);

    if (err)
        return err;
    struct thread *t = start->frame ? process_new_thread(p, start->frame) : p->first;
    err = t ? give_handles(p, start) : -ENOMEM;
    if (!err)
        err = live(p, t);
    if (!err) {
        thread_start(t);
        return 0;
    }
    if (t && t != p->first)
        thread_discard(t);
    give_up(p);
    return err;
}

/* --- writing ----------------------------------------------------------------------------------- */
int process_write(struct process *p, vaddr_t to, struct user_window *from)
{
    u8 piece[256];
    int err = user_range_ok(to, from->left) ? claim(p, NULL) : -EFAULT;

    if (err)
        return err;
    while (!err && from->left) {
        size_t n = MIN(from->left, sizeof(piece));
        err = window_in(piece, from, n);
        if (!err)
            err = mm_write(p->mm, to, piece, n);
        to += n;
        if (!err && preempt_point())
            err = -EINTR;
        if (!err && process_killed(p))
            err = -ESRCH;
    }
    give_up(p);
    return err;
}

/* --- faults ------------------------------------------------------------------------------------ */
int process_set_faults(struct process *p, struct fault_handler handler)
{
    spin_lock(&p->lock);
    bool ends = process_killed(p);
    struct fault_handler before = p->faults;
    if (!ends)
        p->faults = handler;
    list_for_each(node, &p->threads) {
        struct thread *t = list_entry(node, struct thread, process_link);
        WRITE_ONCE(t->traced, p->faults.traces);
        thread_interrupt(t); /* it takes the other table of system calls on its way to user mode */
    }
    spin_unlock(&p->lock);
    object_put((struct object *)(ends ? handler.endpoint : before.endpoint));
    return ends ? -ESRCH : 0;
}

struct fault_handler process_faults(struct process *p)
{
    spin_lock(&p->lock);
    struct fault_handler handler = p->faults;
    if (handler.endpoint)
        object_get((struct object *)handler.endpoint);
    spin_unlock(&p->lock);
    return handler;
}
