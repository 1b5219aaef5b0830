/* SPDX-License-Identifier: MIT */
/*
 * The list of all processes: showing a process to others, finding and printing processes. See <quire/process.h>.
 *
 * Lock order: processes_lock, then process->lock, then the lock of a handle table.
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
int process_show_to_maker(struct process *p)
{
    struct handle_table *t = &current_process()->handles;
    int number = handle_reserve(t);

    if (number < 0)
        return number;
    spin_lock(&processes_lock);
    list_push_back(&processes, &p->all_link);
    __atomic_store_n(&p->state, PROCESS_EMPTY, __ATOMIC_RELEASE);
    spin_unlock(&processes_lock);
    handle_fill(t, number, &p->object, RIGHT_WAIT | RIGHT_KILL | RIGHT_MAP | RIGHT_TRANSFER | RIGHT_OWN, 0);
    return number;
}

void process_show(struct process *p)
{
    struct thread *first = p->first;

    spin_lock(&processes_lock);
    spin_lock(&p->lock); /* from the moment it is in the list */
    list_push_back(&processes, &p->all_link);
    process_join(p, first);
    p->first = NULL;
    __atomic_store_n(&p->state, PROCESS_LIVES, __ATOMIC_RELEASE);
    spin_unlock(&p->lock);
    spin_unlock(&processes_lock);
    thread_start(first);
}

void process_show_ended(struct process *p)
{
    spin_lock(&p->lock); /* process_watch() */
    KASSERT(p->state == PROCESS_ENDING, "process %s ends in state %u", p->name, p->state);
    __atomic_store_n(&p->state, PROCESS_ENDED, __ATOMIC_RELEASE);
    spin_unlock(&p->lock);
}

void process_unlist(struct process *p)
{
    spin_lock(&processes_lock);
    list_remove(&p->all_link);
    spin_unlock(&processes_lock);
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
