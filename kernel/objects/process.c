/* SPDX-License-Identifier: MIT */
/*
 * Processes: making, ending, waiting. See <quire/process.h>.
 *
 * Locks: the lock of a process's wait queue, then processes_lock (the list, parents and children), then process->lock,
 * then handle tables.
 *
 * A process is made in silence and shown last: begin_child() gives the parent its handle and its child, the list its
 * member and the scheduler its thread, and can fail only before the first of these.
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
#include <quire/code_events.h>
#include <quire/string.h>
#include <quire/uaccess.h>
#include <uapi/quire/abi.h>

#define USER_STACK_TOP ((vaddr_t)USER_TOP - 1 * MiB)

struct list processes = LIST_INIT(processes);
static spinlock_t processes_lock;
static u64 next_process_id = 1;

/* --- making ------------------------------------------------------------------------------------ */
/* The account of a new process: the parent's, or its own (PROCESS_OWN_ACCOUNTS). With a reference; NULL: no memory. */
static struct quota *account_for(const struct process *parent, bool own)
{
    if (parent && !(own && parent->depth < PROCESS_OWN_ACCOUNTS)) {
        quota_get(parent->quota);
        return parent->quota;
    }
    return quota_create(memory.nr_frames - memory.nr_frames / PROCESS_QUOTA_SHARE);
}

/* Nobody knows it yet. `started`: spawned, not forked. */
static struct process *process_new(struct process *parent, const char *name, bool started)
{
    struct quota *maker = parent ? parent->quota : NULL;

    if (!quota_charge(maker, PROCESS_FRAMES))
        return NULL;
    struct process *p = kmalloc(sizeof(*p));
    struct quota *quota = p ? account_for(parent, started) : NULL;
    if (!quota) {
        kfree(p);
        quota_uncharge(maker, PROCESS_FRAMES);
        return NULL;
    }
    object_init(&p->object, OBJECT_PROCESS);
    strlcpy(p->name, name, sizeof(p->name));
    p->id = __atomic_fetch_add(&next_process_id, 1, __ATOMIC_RELAXED);
    p->quota = quota;
    p->maker = maker;
    p->depth = parent ? parent->depth + started : 0;
    list_init(&p->threads);
    list_init(&p->children);
    list_init(&p->child_link);
    list_init(&p->all_link);
    wait_queue_init(&p->wait);
    return p;
}

/* Undo process_new: it never ran, and nobody has seen it. `t`: its thread, or NULL. */
static void process_abandon(struct process *p, struct thread *t)
{
    if (t)
        thread_discard(t);
    handle_close_all(&p->handles);
    if (p->mm)
        mm_put(p->mm);
    object_put(&p->object);
}

/* The last reference is gone: threads, memory and handles went at exit. */
void process_destroy(struct object *o)
{
    struct process *p = (struct process *)o;

    if (p->state != PROCESS_MAKING) {
        spin_lock(&processes_lock);
        list_remove(&p->all_link);
        spin_unlock(&processes_lock);
    }
    quota_put(p->quota);
    quota_uncharge(p->maker, PROCESS_FRAMES);
    kfree(p);
}

/* Arguments on the new stack: strings on top, below them the pointers, below that the stack. */
static int push_arguments(struct process *p, const struct arguments *args, vaddr_t *sp, vaddr_t *argv)
{
    vaddr_t pointers[PROCESS_MAX_ARGS + 1];
    vaddr_t strings = ALIGN_DOWN(USER_STACK_TOP - args->bytes, 16UL);
    size_t at = 0;

    for (unsigned i = 0; i < args->nr; i++) {
        pointers[i] = strings + at;
        at += strlen(args->text + at) + 1;
    }
    pointers[args->nr] = 0;
    *argv = ALIGN_DOWN(strings - (args->nr + 1) * sizeof(vaddr_t), 16UL);
    *sp = *argv - 160; /* s390x callers own 160 bytes below; nobody minds elsewhere */
    /* The address space isn't loaded here: write through the direct map. */
    int err = mm_write(p->mm, strings, args->text, args->bytes);
    return err ? err : mm_write(p->mm, *argv, pointers, (args->nr + 1) * sizeof(vaddr_t));
}

static void start_user(void *arg)
{
    (void)arg;
    kernel_reaches_user();
    arch_irq_disable();
    arch_enter_user(arch_user_frame(current_thread()->stack_top));
}

static struct thread *new_thread(struct process *p, const struct trapframe *frame)
{
    struct thread *t = thread_create(p->name, p, PRIORITY_USER, start_user, NULL);

    if (t) {
        *arch_user_frame(t->stack_top) = *frame;
        t->mm = p->mm;
    }
    return t;
}

/* t is p's from now on. Under p->lock. */
static void join(struct process *p, struct thread *t)
{
    list_push_back(&p->threads, &t->process_link);
    p->nr_threads++;
    object_get(&p->object); /* the thread's */
}

int process_add_thread(struct process *p, const struct trapframe *frame)
{
    struct thread *t = new_thread(p, frame);

    if (!t)
        return -ENOMEM;
    int id = (int)t->id; /* it may be gone as soon as it is started */
    spin_lock(&p->lock);
    bool ends = process_killed(p);
    if (!ends)
        join(p, t);
    spin_unlock(&p->lock);
    if (ends) {
        thread_discard(t);
        return -ESRCH;
    }
    thread_start(t);
    return id;
}

/* p is whole: from now on it is known. Under processes_lock and p->lock; its thread is started outside. */
static void show(struct process *p, struct thread *t)
{
    list_push_back(&processes, &p->all_link);
    __atomic_store_n(&p->state, PROCESS_LIVES, __ATOMIC_RELEASE);
    join(p, t);
}

/* p is nobody's child: the caller's reference stays the caller's. */
static void begin_alone(struct process *p, struct thread *t)
{
    spin_lock(&processes_lock);
    spin_lock(&p->lock);
    show(p, t);
    spin_unlock(&p->lock);
    spin_unlock(&processes_lock);
    thread_start(t);
}

/*
 * The parent's handle to p, or -EMFILE, and nothing has happened. Takes over the caller's reference to p, which
 * becomes the parent's claim to wait for it.
 */
static int begin_child(struct process *p, struct process *parent, struct thread *t)
{
    spin_lock(&processes_lock);
    spin_lock(&p->lock); /* another thread of the parent may kill it as soon as the handle is there */
    object_get(&p->object);
    int number = handle_install(&parent->handles, &p->object, RIGHT_WAIT | RIGHT_KILL);
    if (number >= 0) {
        p->parent = parent;
        list_push_back(&parent->children, &p->child_link);
        show(p, t);
    }
    spin_unlock(&p->lock);
    spin_unlock(&processes_lock);
    if (number >= 0)
        thread_start(t);
    else
        object_put(&p->object);
    return number;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool process_runs(const struct process *p, const char *path)
{
    return strncmp(p->name, base_name(path), sizeof(p->name) - 1) == 0;
}

/* An address space that shows the image, and a stack with the arguments. */
static int set_up(struct process *p, struct image *image, const struct arguments *args, struct trapframe *frame)
{
    p->mm = mm_create();
    if (!p->mm)
        return -ENOMEM;
    int err = mm_set_quota(p->mm, p->quota);
    if (!err)
        err = image_map(image, p->mm);
    vaddr_t stack = USER_STACK_TOP - USER_STACK_BYTES, sp, argv;
    if (!err)
        err = mm_map(p->mm, &stack, USER_STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL, 0);
    if (!err)
        err = push_arguments(p, args, &sp, &argv);
    if (!err)
        tf_init_user(frame, image->entry, sp, args->nr, argv);
    return err;
}

/* A process that shows the program and has a thread, but no handles yet: it has not begun. NULL: *err says why. */
static struct process *from_program(struct process *parent, const char *path, const struct arguments *args,
                                    struct thread **t, int *err)
{
    struct trapframe frame;

    if (args->nr > PROCESS_MAX_ARGS || args->bytes > PROCESS_ARGS_BYTES) {
        *err = -E2BIG;
        return NULL;
    }
    struct process *p = process_new(parent, base_name(path), true);
    if (!p) {
        *err = -ENOMEM;
        return NULL;
    }
    struct image *image = image_get(path, err);
    if (image) {
        *err = set_up(p, image, args, &frame);
        image_put(image);
    }
    *t = *err ? NULL : new_thread(p, &frame);
    if (*t)
        return p;
    if (!*err)
        *err = -ENOMEM;
    process_abandon(p, NULL);
    return NULL;
}

struct process *process_start(const char *path, const struct arguments *args, int *err)
{
    struct thread *t;
    struct process *p = from_program(NULL, path, args, &t, err);

    if (!p)
        return NULL;
    for (int i = 0; i < 3; i++)
        handle_install(&p->handles, console_object(), RIGHT_READ | RIGHT_WRITE);
    begin_alone(p, t);
    return p;
}

int process_spawn(const char *path, const struct arguments *args)
{
    struct process *parent = current_process();
    struct thread *t;
    int err;
    struct process *p = from_program(parent, path, args, &t, &err);

    if (!p)
        return err;
    handle_copy_all(&p->handles, &parent->handles, 3);
    int number = begin_child(p, parent, t);
    if (number < 0)
        process_abandon(p, t);
    return number;
}

int process_fork(const struct trapframe *tf)
{
    struct process *parent = current_process();
    struct process *p = process_new(parent, parent->name, false);
    struct trapframe frame = *tf;

    if (!p)
        return -ENOMEM;
    tf_set_ret(&frame, QUIRE_IN_CHILD);
    p->mm = mm_clone(parent->mm);
    struct thread *t = p->mm ? new_thread(p, &frame) : NULL;
    if (t) {
        handle_copy_all(&p->handles, &parent->handles, NR_HANDLES);
        bool irq = irq_save(); /* the registers in the CPU are this thread's only while nobody else runs */
        arch_fpu_save(&t->fpu);
        irq_restore(irq);
    }
    int number = t ? begin_child(p, parent, t) : -ENOMEM;
    if (number < 0)
        process_abandon(p, t);
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

/* After the last thread: everything goes but the status. */
static void finish(struct process *p)
{
    struct mm *mm = p->mm;

    handle_close_all(&p->handles);
    p->mm = NULL;
    mm_put(mm);
    orphan_children(p);
    spin_lock(&processes_lock);
    KASSERT(p->state == PROCESS_ENDING, "process %s ends in state %u", p->name, p->state);
    __atomic_store_n(&p->state, PROCESS_ENDED, __ATOMIC_RELEASE);
    struct process *parent = p->parent;
    if (parent)
        object_get(&parent->object); /* its own thread's keeps it: it lets go of its children before that */
    spin_unlock(&processes_lock);
    if (!parent)
        return;
    wake_all(&parent->wait); /* outside: waiters look at their children under their queue's lock */
    object_put(&parent->object);
}

/*
 * The calling thread ends; the process with it if it was the last. It leaves the address space before it gives up its
 * part in nr_threads: from then on another may be the last, and take the page tables down.
 */
void __noreturn process_thread_exit(void)
{
    struct thread *self = current_thread();
    struct process *p = self->process; /* the thread's reference to it is ours */

    arch_irq_enable();
    guest_abandon();
    bool irq = irq_save();
    self->process = NULL;
    self->mm = NULL;
    self->name = "ending"; /* it was the process's */
    mm_activate(NULL);
    irq_restore(irq);
    spin_lock(&p->lock);
    list_remove(&self->process_link);
    bool last = --p->nr_threads == 0;
    if (last && p->state == PROCESS_LIVES)
        __atomic_store_n(&p->state, PROCESS_ENDING, __ATOMIC_RELEASE);
    spin_unlock(&p->lock);
    if (last)
        finish(p);
    object_put(&p->object);
    thread_exit();
}

void process_kill(struct process *p, int status)
{
    spin_lock(&p->lock);
    if (p->state < PROCESS_ENDING) {
        p->status = status;
        __atomic_store_n(&p->state, PROCESS_ENDING, __ATOMIC_RELEASE);
    }
    list_for_each(node, &p->threads) {
        struct thread *t = list_entry(node, struct thread, process_link);
        if (t != current_thread())
            thread_interrupt(t);
    }
    spin_unlock(&p->lock);
}

void __noreturn process_exit(int status)
{
    if (status)
        code_failed(current_process()->mm, 0);
    process_kill(current_process(), status);
    process_thread_exit();
}

void __noreturn process_die(const struct trapframe *tf, int status, const char *why, vaddr_t addr)
{
    const struct process *p = current_process();

    kprintf("%s (process %lu) died: %s at 0x%lx, pc 0x%lx\n", p->name, p->id, why, addr, tf_pc(tf));
    code_failed(p->mm, tf_pc(tf));
    process_kill(current_process(), status);
    process_thread_exit();
}

void process_check_killed(void)
{
    if (unlikely(process_killed(current_process())))
        process_thread_exit();
}

/* --- waiting ----------------------------------------------------------------------------------- */
enum look { LOOK_AGAIN, LOOK_DONE, LOOK_NO_CHILD };

/* One child (NULL: any) that has ended, in *ended, with a reference. Under self->wait.lock. */
static enum look look_for(struct process *self, struct process *one, struct process **ended)
{
    enum look result = LOOK_NO_CHILD;

    spin_lock(&processes_lock);
    list_for_each(node, &self->children) {
        struct process *child = list_entry(node, struct process, child_link);
        if (one && child != one)
            continue;
        result = LOOK_AGAIN;
        if (!process_ended(child))
            continue;
        *ended = child;
        object_get(&child->object); /* the parent's claim keeps it till here */
        result = LOOK_DONE;
        break;
    }
    spin_unlock(&processes_lock);
    return result;
}

struct process *process_await(struct process *one, int *err)
{
    struct process *self = current_process(), *ended = NULL;
    enum look found;

    wait_until(&self->wait, (found = look_for(self, one, &ended)) != LOOK_AGAIN || process_killed(self));
    *err = found == LOOK_DONE ? 0 : found == LOOK_NO_CHILD ? -ECHILD : -EINTR;
    return found == LOOK_DONE ? ended : NULL;
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
        wake_all_locked(&self->wait); /* who waits for it too, or for any: there may be none left */
    }
    spin_unlock(&processes_lock);
    spin_unlock_irqrestore(&self->wait.lock, irq);
    if (ours)
        object_put(&child->object); /* the parent's claim */
    return ours;
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
    struct mm *mm = p->nr_threads ? p->mm : NULL;
    if (mm)
        mm_get(mm);
    spin_unlock(&p->lock);
    return mm;
}

struct process *process_by_id(u64 id)
{
    struct process *found = NULL;

    spin_lock(&processes_lock);
    list_for_each(node, &processes) {
        struct process *p = list_entry(node, struct process, all_link);
        if (p->id != id)
            continue;
        found = object_try_get(&p->object) ? p : NULL;
        break;
    }
    spin_unlock(&processes_lock);
    return found;
}

static void print_process(struct process *p)
{
    static const char *const words[] = {"", "lives", "ending", "ended"};
    u64 frames = 0, tables = 0;

    if (spin_trylock(&p->lock)) { /* its address space goes with its last thread */
        frames = p->nr_threads ? p->mm->nr_mapped : 0;
        tables = p->nr_threads ? p->mm->nr_table_frames : 0;
        spin_unlock(&p->lock);
    }
    kprintf("%4lu %-16s %-8s %8lu %8lu %7u\n", p->id, p->name, words[p->state], frames, tables, p->nr_threads);
}

/* In an interrupt: it may be the holder of a lock that was interrupted, so a lock that is taken is left alone. */
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
