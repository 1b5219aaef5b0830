/* SPDX-License-Identifier: MIT */
/*
 * Processes: making, ending, waiting. See <quire/process.h>.
 *
 * Locks: processes_lock (the list, parents and children), then process->lock, then wait queues.
 */
#include <quire/process.h>
#include <quire/counters.h>
#include <quire/elf.h>
#include <quire/errno.h>
#include <quire/guest.h>
#include <quire/log.h>
#include <quire/memory_init.h>
#include <quire/object.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/stale_code.h>
#include <quire/string.h>
#include <quire/uaccess.h>
#include <uapi/quire/abi.h>

#define USER_STACK_TOP ((vaddr_t)USER_TOP - 1 * MiB)

struct list processes = LIST_INIT(processes);
static spinlock_t processes_lock;
static u64 next_process_id = 1;
static u64 nr_processes;

struct mm *thread_mm(const struct thread *thread)
{
    if (unlikely(thread->guest))
        return guest_mm(thread->guest);
    return thread->process ? thread->process->mm : NULL;
}

u64 processes_in_use(void) { return nr_processes; }

/* --- making ------------------------------------------------------------------------------------ */
static struct process *process_new(struct process *parent, const char *name)
{
    struct process *p = kmalloc(sizeof(*p));

    if (!p)
        return NULL;
    object_init(&p->object, OBJECT_PROCESS);
    strlcpy(p->name, name, sizeof(p->name));
    p->id = __atomic_fetch_add(&next_process_id, 1, __ATOMIC_RELAXED);
    list_init(&p->threads);
    list_init(&p->children);
    list_init(&p->child_link);
    wait_queue_init(&p->wait);
    p->quota = quota_create(memory.nr_frames - memory.nr_frames / PROCESS_QUOTA_SHARE);
    if (!p->quota) {
        kfree(p);
        return NULL;
    }
    spin_lock(&processes_lock);
    p->parent = parent;
    if (parent)
        list_push_back(&parent->children, &p->child_link);
    list_push_back(&processes, &p->all_link);
    nr_processes++;
    spin_unlock(&processes_lock);
    return p;
}

/* Undo process_new: it never ran. */
static void process_abandon(struct process *p)
{
    handle_close_all(&p->handles);
    if (p->mm)
        mm_put(p->mm);
    p->mm = NULL;
    spin_lock(&processes_lock);
    list_remove(&p->child_link);
    p->parent = NULL;
    spin_unlock(&processes_lock);
    p->exited = true;
    object_put(&p->object);
}

/* The last reference is gone: threads, memory and handles went at exit. */
void process_destroy(struct object *o)
{
    struct process *p = (struct process *)o;

    spin_lock(&processes_lock);
    list_remove(&p->all_link);
    nr_processes--;
    spin_unlock(&processes_lock);
    quota_put(p->quota);
    kfree(p);
}

/* Arguments on the new stack: strings on top, below them the pointers, below that the stack. */
static int push_arguments(struct process *p, const char *args, unsigned nr, size_t bytes, vaddr_t *sp, vaddr_t *argv)
{
    vaddr_t pointers[PROCESS_MAX_ARGS + 1];
    vaddr_t strings = ALIGN_DOWN(USER_STACK_TOP - bytes, 16UL);
    size_t at = 0;

    for (unsigned i = 0; i < nr; i++) {
        pointers[i] = strings + at;
        at += strlen(args + at) + 1;
    }
    pointers[nr] = 0;
    *argv = ALIGN_DOWN(strings - (nr + 1) * sizeof(vaddr_t), 16UL);
    *sp = *argv - 160; /* s390x callers own 160 bytes below; nobody minds elsewhere */
    /* The address space isn't loaded here: write through the direct map. */
    int err = mm_write(p->mm, strings, args, bytes);
    return err ? err : mm_write(p->mm, *argv, pointers, (nr + 1) * sizeof(vaddr_t));
}

static void start_user(void *arg)
{
    struct thread *self = current_thread();

    (void)arg;
    kernel_reaches_user();
    arch_irq_disable();
    trap_exit_to_user(arch_user_frame(self->stack_top));
    arch_enter_user(arch_user_frame(self->stack_top));
}

/* A thread of p that starts in user mode with this frame. */
int process_add_thread(struct process *p, const struct trapframe *frame)
{
    struct thread *t = thread_create(p->name, p, PRIORITY_USER, start_user, NULL);

    if (!t)
        return -ENOMEM;
    *arch_user_frame(t->stack_top) = *frame;
    spin_lock(&p->lock);
    if (p->killed || p->exited) {
        spin_unlock(&p->lock);
        thread_discard(t);
        return -ESRCH;
    }
    list_push_back(&p->threads, &t->process_link);
    p->nr_threads++;
    spin_unlock(&p->lock);
    object_get(&p->object); /* the thread's */
    thread_start(t);
    return (int)t->id;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int set_up(struct process *p, const char *path, const char *args, unsigned nr_args, size_t args_bytes,
                  struct trapframe *frame)
{
    int err;
    struct image *image = image_get(path, &err);

    if (!image)
        return err;
    p->mm = mm_create();
    if (!p->mm)
        return -ENOMEM;
    mm_set_quota(p->mm, p->quota);
    err = image_map(image, p->mm);
    vaddr_t stack = USER_STACK_TOP - USER_STACK_BYTES, sp, argv;
    if (!err)
        err = mm_map(p->mm, &stack, USER_STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL, 0);
    if (!err)
        err = push_arguments(p, args, nr_args, args_bytes, &sp, &argv);
    if (!err)
        tf_init_user(frame, image->entry, sp, nr_args, argv);
    return err;
}

/* A handle for the parent, before the child runs: a full table must cost nothing that others can see. */
static int give_handle(struct process *parent, struct process *child)
{
    object_get(&child->object);
    int number = handle_install(&parent->handles, &child->object, RIGHT_WAIT | RIGHT_KILL);
    if (number < 0)
        object_put(&child->object);
    return number;
}

int process_spawn(struct process *parent, const char *path, const char *args, unsigned nr_args, size_t args_bytes,
                  struct process **out)
{
    struct trapframe frame;

    if (nr_args > PROCESS_MAX_ARGS || args_bytes > PROCESS_ARGS_BYTES)
        return -E2BIG;
    struct process *p = process_new(parent, base_name(path));
    if (!p)
        return -ENOMEM;
    int number = 0, err = set_up(p, path, args, nr_args, args_bytes, &frame);
    if (!err && parent) {
        handle_copy_all(&p->handles, &parent->handles, 3);
        number = give_handle(parent, p);
        err = MIN(number, 0);
    }
    for (int i = 0; !err && !parent && i < 3; i++)
        handle_install(&p->handles, console_object(), RIGHT_READ | RIGHT_WRITE);
    if (!err) {
        object_get(&p->object); /* ours, for as long as it takes */
        err = process_add_thread(p, &frame);
        if (err < 0 && parent)
            handle_close(&parent->handles, number);
        if (err < 0 || parent)
            object_put(&p->object);
    }
    if (err < 0) {
        process_abandon(p);
        return err;
    }
    if (!parent) { /* nobody will wait for it */
        object_put(&p->object);
        *out = p;
    }
    return number;
}

int process_fork(const struct trapframe *tf)
{
    struct process *parent = current_process();
    struct process *p = process_new(parent, parent->name);

    if (!p)
        return -ENOMEM;
    p->mm = mm_clone(parent->mm);
    if (!p->mm) {
        process_abandon(p);
        return -ENOMEM;
    }
    handle_copy_all(&p->handles, &parent->handles, NR_HANDLES);
    struct trapframe frame = *tf;
    tf_set_ret(&frame, QUIRE_IN_CHILD);
    struct thread *t = thread_create(p->name, p, PRIORITY_USER, start_user, NULL);
    int number = t ? give_handle(parent, p) : -ENOMEM;
    if (number < 0) {
        if (t)
            thread_discard(t);
        process_abandon(p);
        return number;
    }
    bool irq = irq_save(); /* the registers in the CPU are this thread's only while nobody else runs */
    arch_fpu_save(&t->fpu);
    irq_restore(irq);
    *arch_user_frame(t->stack_top) = frame;
    spin_lock(&p->lock); /* the handle is there: another thread may kill it already */
    list_push_back(&p->threads, &t->process_link);
    p->nr_threads = 1;
    spin_unlock(&p->lock);
    object_get(&p->object); /* the thread's */
    thread_start(t);
    return number;
}

/* --- ending ------------------------------------------------------------------------------------ */
static void orphan_children(struct process *p)
{
    spin_lock(&processes_lock);
    struct list *node;
    while ((node = list_pop_front(&p->children)) != NULL) {
        struct process *child = list_entry(node, struct process, child_link);
        child->parent = NULL;
        spin_unlock(&processes_lock);
        object_put(&child->object); /* the parent's claim to wait for it */
        spin_lock(&processes_lock);
    }
    spin_unlock(&processes_lock);
}

/* The last thread: everything goes but the status. */
static void finish(struct process *p)
{
    struct mm *mm = p->mm;

    handle_close_all(&p->handles);
    bool irq = irq_save();
    mm_activate(NULL);
    p->mm = NULL;
    irq_restore(irq);
    mm_put(mm);
    orphan_children(p);
    spin_lock(&processes_lock);
    struct process *parent = p->parent;
    if (parent)
        object_get(&parent->object);
    p->exited = true;
    spin_unlock(&processes_lock);
    wake_all(&p->wait);
    if (parent) {
        wake_all(&parent->wait);
        object_put(&parent->object);
    }
}

/* The calling thread ends; the process with it if it was the last. */
void __noreturn process_thread_exit(void)
{
    struct thread *self = current_thread();
    struct process *p = self->process;

    arch_irq_enable();
    guest_abandon();
    spin_lock(&p->lock);
    list_remove(&self->process_link);
    bool last = --p->nr_threads == 0;
    spin_unlock(&p->lock);
    if (last)
        finish(p);
    bool irq = irq_save();
    mm_activate(NULL); /* others of the process may still run; this CPU is out */
    self->process = NULL;
    irq_restore(irq);
    object_put(&p->object);
    thread_exit();
}

void process_kill(struct process *p, int status)
{
    spin_lock(&p->lock);
    if (!p->killed) {
        p->killed = true;
        p->status = status;
    }
    list_for_each(node, &p->threads) {
        struct thread *t = list_entry(node, struct thread, process_link);
        if (t != current_thread())
            thread_interrupt(t);
    }
    spin_unlock(&p->lock);
    wake_all(&p->wait);
}

void __noreturn process_exit(int status)
{
    if (ICACHE_STALE && status)
        stale_code_explain(current_process()->mm, 0);
    process_kill(current_process(), status);
    process_thread_exit();
}

void __noreturn process_die(const struct trapframe *tf, int status, const char *why, vaddr_t addr)
{
    const struct process *p = current_process();

    kprintf("%s (process %lu) died: %s at 0x%lx, pc 0x%lx\n", p->name, p->id, why, addr, tf_pc(tf));
    stale_code_explain(p->mm, tf_pc(tf));
    process_kill(current_process(), status);
    process_thread_exit();
}

void process_check_killed(void)
{
    struct process *p = current_process();
    if (unlikely(READ_ONCE(p->killed)))
        process_thread_exit();
}

static bool current_killed(void) { return current_process() && READ_ONCE(current_process()->killed); }

/* --- waiting ----------------------------------------------------------------------------------- */
/* Take an ended child out of its parent's list; false: somebody else did. */
static bool reap(struct process *child)
{
    spin_lock(&processes_lock);
    bool mine = child->parent != NULL;
    if (mine) {
        list_remove(&child->child_link);
        child->parent = NULL;
    }
    spin_unlock(&processes_lock);
    if (mine)
        object_put(&child->object); /* the claim of process_new */
    return mine;
}

int process_wait(struct process *child, int *status)
{
    wait_until(&child->wait, READ_ONCE(child->exited) || current_killed());
    if (!child->exited)
        return -EINTR;
    *status = child->status;
    return reap(child) ? 0 : -ECHILD;
}

/* An ended child, with a reference; *any: there are children at all. */
static struct process *ended_child(struct process *parent, bool *any)
{
    struct process *found = NULL;

    spin_lock(&processes_lock);
    *any = !list_empty(&parent->children);
    list_for_each(node, &parent->children) {
        struct process *child = list_entry(node, struct process, child_link);
        if (child->exited) {
            found = child;
            object_get(&found->object);
            break;
        }
    }
    spin_unlock(&processes_lock);
    return found;
}

struct process *process_wait_any(struct process *parent, int *status)
{
    for (;;) {
        bool any;
        struct process *child = NULL;
        wait_until(&parent->wait, (child = ended_child(parent, &any)) != NULL || !any || READ_ONCE(parent->killed));
        if (!child)
            return NULL;
        *status = child->status;
        if (reap(child))
            return child;
        object_put(&child->object);
    }
}

/* --- looking ----------------------------------------------------------------------------------- */
struct process *process_by_index(unsigned index)
{
    struct process *found = NULL;

    spin_lock(&processes_lock);
    list_for_each(node, &processes) {
        struct process *p = list_entry(node, struct process, all_link);
        if (index-- == 0) {
            if (object_try_get(&p->object))
                found = p;
            else
                index = 0; /* it is just being freed: the next one counts */
        }
        if (found)
            break;
    }
    spin_unlock(&processes_lock);
    return found;
}

struct mm *process_mm(struct process *p)
{
    spin_lock(&p->lock);
    struct mm *mm = p->nr_threads ? p->mm : NULL;
    if (mm)
        mm_get(mm);
    spin_unlock(&p->lock);
    return mm;
}

struct process *process_by_id(u64 id)
{
    for (unsigned i = 0;; i++) {
        struct process *p = process_by_index(i);
        if (!p || p->id == id)
            return p;
        object_put(&p->object);
    }
}

void processes_print(void)
{
    kprintf("\n%4s %-16s %-8s %8s %8s %7s\n", "id", "name", "state", "frames", "tables", "threads");
    list_for_each(node, &processes) {
        struct process *p = list_entry(node, struct process, all_link);
        struct mm *mm = READ_ONCE(p->mm);
        kprintf("%4lu %-16s %-8s %8lu %8lu %7u\n", p->id, p->name, p->exited ? "ended" : p->killed ? "ending" : "lives",
                mm ? mm->nr_mapped : 0, mm ? mm->nr_table_frames : 0, p->nr_threads);
    }
    sched_print_cpus();
}
