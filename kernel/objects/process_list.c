/* SPDX-License-Identifier: MIT */
/*
 * The list of all processes, and who is whose child: showing a process to others, waiting for a child, finding and
 * printing processes. See <quire/process.h>.
 *
 * Lock order: the lock of a process's wait queue, then processes_lock (the list, parents and children), then
 * process->lock, then the lock of a handle table.
 */
#include "process_list.h"
#include <quire/errno.h>
#include <quire/log.h>
#include <uapi/quire/ipc.h>

struct list processes = LIST_INIT(processes);
static spinlock_t processes_lock;
LOCK_ORDER_STATIC(21, processes_lock);
SLAB_CACHE(process_cache, process, threads, false);
LOCK_ORDER(22, process_cache, process, lock);
LOCK_ORDER(23, process_cache, process, handles.lock);

/* --- showing ----------------------------------------------------------------------------------- */
/* Under processes_lock and p->lock. Returns the first thread of p; the caller starts it after it drops both locks. */
static struct thread *show(struct process *p)
{
    list_push_back(&processes, &p->all_link);
    __atomic_store_n(&p->state, PROCESS_LIVES, __ATOMIC_RELEASE);
    return list_entry(p->threads.next, struct thread, process_link);
}

void process_show_empty(struct process *p)
{
    spin_lock(&processes_lock);
    list_push_back(&processes, &p->all_link);
    __atomic_store_n(&p->state, PROCESS_EMPTY, __ATOMIC_RELEASE);
    spin_unlock(&processes_lock);
}

void process_show(struct process *p)
{
    spin_lock(&processes_lock);
    spin_lock(&p->lock);
    struct thread *first = show(p);
    spin_unlock(&p->lock);
    spin_unlock(&processes_lock);
    thread_start(first);
}

int process_show_child(struct process *p, struct process *parent)
{
    int number = handle_reserve(&parent->handles);

    if (number < 0)
        return number;
    spin_lock(&processes_lock);
    spin_lock(&p->lock); /* as soon as the handle is there, another thread of the parent may kill p */
    object_get(&p->object);
    handle_fill(&parent->handles, number, &p->object, RIGHT_WAIT | RIGHT_KILL, 0);
    p->parent = parent;
    list_push_back(&parent->children, &p->child_link);
    struct thread *first = show(p);
    spin_unlock(&p->lock);
    spin_unlock(&processes_lock);
    thread_start(first);
    return number;
}

void process_show_ended(struct process *p)
{
    spin_lock(&processes_lock);
    KASSERT(p->state == PROCESS_ENDING, "process %s ends in state %u", p->name, p->state);
    spin_lock(&p->lock); /* process_watch() */
    __atomic_store_n(&p->state, PROCESS_ENDED, __ATOMIC_RELEASE);
    spin_unlock(&p->lock);
    struct process *parent = p->parent;
    if (parent)
        object_get(&parent->object); /* it is there: it leaves its children before its last reference goes */
    spin_unlock(&processes_lock);
    if (!parent)
        return;
    wake_all(&parent->wait); /* without processes_lock: a waiter takes processes_lock under its queue's lock */
    object_put(&parent->object);
}

void process_leave_children(struct process *p)
{
    struct list *node;

    spin_lock(&processes_lock);
    while ((node = list_pop_front(&p->children)) != NULL) {
        struct process *child = list_entry(node, struct process, child_link);
        child->parent = NULL;
        spin_unlock(&processes_lock);
        if (p->status == STATUS_KILLED)
            process_kill(child, STATUS_KILLED);
        object_put(&child->object); /* the parent's claim to wait for it */
        spin_lock(&processes_lock);
    }
    spin_unlock(&processes_lock);
}

void process_unlist(struct process *p)
{
    spin_lock(&processes_lock);
    list_remove(&p->all_link);
    spin_unlock(&processes_lock);
}

/* --- waiting ----------------------------------------------------------------------------------- */
/*
 * Whether self has this child (NULL: any child). *ended: such a child that has ended, with a reference; NULL: none has.
 * self->wait.lock is held.
 */
static bool look_for(struct process *self, struct process *one, struct process **ended)
{
    bool found = false;

    *ended = NULL;
    spin_lock(&processes_lock);
    list_for_each(node, &self->children) {
        struct process *child = list_entry(node, struct process, child_link);
        if (one && child != one)
            continue;
        found = true;
        if (!process_ended(child))
            continue;
        *ended = child;
        object_get(&child->object); /* the parent's claim is a reference, so the child is still there */
        break;
    }
    spin_unlock(&processes_lock);
    return found;
}

struct process *process_await(struct process *one, int *err)
{
    struct process *self = current_process(), *ended;
    bool found;

    wait_until(&self->wait, !(found = look_for(self, one, &ended)) || ended || process_killed(self) ||
                                  READ_ONCE(current_thread()->interrupted));
    *err = ended ? 0 : found ? -EINTR : -ECHILD;
    return ended;
}

bool process_take(struct process *child)
{
    struct process *self = current_process();
    bool irq = spin_lock_irqsave(&self->wait.lock);

    spin_lock(&processes_lock);
    bool ours = child->parent == self;
    if (ours) {
        list_remove(&child->child_link);
        child->parent = NULL;
        wake_all_locked(&self->wait); /* others who wait for it or for any child: none may be left */
    }
    spin_unlock(&processes_lock);
    spin_unlock_irqrestore(&self->wait.lock, irq);
    if (ours)
        object_put(&child->object); /* the parent's claim */
    return ours;
}

/* --- looking ----------------------------------------------------------------------------------- */
/*
 * The process with this id; id 0: the process that has `index` others before it in the list. With a reference. NULL:
 * there is no such process.
 */
static struct process *find(u64 id, unsigned index)
{
    struct process *found = NULL;

    spin_lock(&processes_lock);
    list_for_each(node, &processes) {
        struct process *p = list_entry(node, struct process, all_link);
        if (id ? p->id != id : index && index--)
            continue;
        if (!object_try_get(&p->object))
            continue; /* this process is just being freed */
        found = p;
        break;
    }
    spin_unlock(&processes_lock);
    return found;
}

struct process *process_by_index(unsigned index) { return find(0, index); }

struct process *process_by_id(u64 id) { return find(id, 0); }

u64 process_parent_id(struct process *p)
{
    spin_lock(&processes_lock);
    u64 id = p->parent ? p->parent->id : 0;
    spin_unlock(&processes_lock);
    return id;
}

struct mm *process_mm(struct process *p)
{
    spin_lock(&p->lock);
    struct mm *mm = p->mm;
    if (mm)
        mm_get(mm);
    spin_unlock(&p->lock);
    return mm;
}

static void print_process(struct process *p)
{
    static const char *const words[] = {"", "empty", "starting", "lives", "ending", "ended"};
    u64 frames = 0, tables = 0;

    if (spin_trylock(&p->lock)) { /* an address space ends with the last thread of its process */
        frames = p->nr_threads ? p->mm->nr_mapped : 0;
        tables = p->nr_threads ? p->mm->nr_table_frames : 0;
        spin_unlock(&p->lock);
    }
    kprintf("%4lu %-16s %-8s %8lu %8lu %7u\n", p->id, p->name, words[p->state], frames, tables, p->nr_threads);
}

/*
 * Runs in an interrupt, which may have interrupted the holder of a lock. So this function never waits for a lock: what
 * is locked isn't printed.
 */
void processes_print(void)
{
    if (spin_trylock(&processes_lock)) {
        kprintf("\n%4s %-16s %-8s %8s %8s %7s\n", "id", "name", "state", "frames", "tables", "threads");
        list_for_each(node, &processes)
            print_process(list_entry(node, struct process, all_link));
        spin_unlock(&processes_lock);
    } else {
        kprintf("\nthe list of processes is just being changed\n");
    }
    sched_print_cpus();
}
