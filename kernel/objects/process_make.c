/* SPDX-License-Identifier: MIT */
/*
 * Makes processes and their threads. See <quire/process.h>.
 *
 * Nobody can find a process while it is made. Everything that can fail is done before the last step: process_show()
 * or process_show_to_maker() puts the process into the list. Starting it is the business of process_begin.c.
 */
#include "process_list.h"
#include <quire/boot_archive.h>
#include <quire/errno.h>
#include <quire/object.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/string.h>
#include <quire/uaccess.h>
#include <quire/upcalls.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

static u64 next_process_id = FIRST_PROCESS;

/* --- a process without threads ----------------------------------------------------------------- */
/* The account of a new process: the parent's or a new one (PROCESS_OWN_ACCOUNTS). With a reference; NULL: no memory. */
static struct quota *account_for(const struct process *parent, bool own)
{
    if (parent && !(own && parent->depth < PROCESS_OWN_ACCOUNTS)) {
        quota_get(parent->quota);
        return parent->quota;
    }
    return quota_create(memory.nr_frames - memory.nr_frames / PROCESS_QUOTA_SHARE);
}

struct process *process_new(struct process *parent, const char *name, bool started)
{
    struct quota *maker = parent ? parent->quota : NULL;

    if (!quota_charge(maker, PROCESS_FRAMES))
        return NULL;
    struct process *p = slab_alloc(&process_cache);
    struct quota *quota = p ? account_for(parent, started) : NULL;
    if (!quota) {
        if (p)
            slab_free(&process_cache, p);
        quota_uncharge(maker, PROCESS_FRAMES);
        return NULL;
    }
    object_init(&p->object, OBJECT_PROCESS);
    strlcpy(p->name, name, sizeof(p->name));
    p->id = __atomic_fetch_add(&next_process_id, 1, __ATOMIC_RELAXED);
    p->quota = p->handles.quota = quota;
    p->maker = maker;
    p->maker_id = parent ? parent->id : 0;
    p->depth = parent ? parent->depth + started : 0;
    p->ceiling = parent ? parent->ceiling : PRIORITY_USER_MAX;
    list_init(&p->threads);
    list_init(&p->watchers);
    list_init(&p->all_link);
    return p;
}

/* --- threads ----------------------------------------------------------------------------------- */
static void start_user(void *arg)
{
    kernel_reaches_user();
    arch_irq_disable();
    arch_enter_user(arch_user_frame(current_thread()->stack_top));
}

/* What a new thread of p begins with: its maker's own priority, unless the kernel makes it. */
static unsigned first_priority(const struct process *p)
{
    return MIN(current_process() ? READ_ONCE(current_thread()->own_priority) : PRIORITY_USER, p->ceiling);
}

struct thread *process_new_thread(struct process *p, const struct trapframe *frame)
{
    struct thread *t = thread_create(p->name, p, first_priority(p), start_user, NULL);

    if (t) {
        *arch_user_frame(t->stack_top) = *frame;
        t->mm = p->mm;
    }
    return t;
}

int process_add_thread(struct process *p, const struct trapframe *frame, struct notification *told, u64 bits)
{
    struct thread *t = process_new_thread(p, frame);

    if (!t)
        return -ENOMEM;
    p->handles.shared = true;
    int id = (int)t->id; /* read it now: a started thread may end and be freed at once */
    spin_lock(&p->lock);
    bool ends = process_killed(p);
    if (!ends)
        process_join(p, t);
    spin_unlock(&p->lock);
    if (ends) {
        thread_discard(t);
        return -ESRCH;
    }
    if (told)
        object_get((struct object *)told);
    t->told = told;
    t->told_bits = bits;
    thread_start(t);
    return id;
}

/* The thread of p with this id, with a reference; NULL: none. */
static struct thread *find_thread(struct process *p, u64 id)
{
    struct thread *found = NULL;

    spin_lock(&p->lock);
    list_for_each(node, &p->threads) {
        struct thread *t = list_entry(node, struct thread, process_link);
        if (t->id == id)
            found = t;
    }
    if (found)
        thread_get(found);
    spin_unlock(&p->lock);
    return found;
}

int process_thread_priority(u64 id, u64 priority)
{
    struct thread *self = current_thread();

    if (priority > self->process->ceiling)
        return -EPERM;
    struct thread *t = id && id != self->id ? find_thread(self->process, id) : self;
    if (!t)
        return -ESRCH;
    unsigned was = priority ? ipc_set_own_priority(t, (unsigned)priority) : READ_ONCE(t->own_priority);
    if (t != self)
        thread_put(t);
    return (int)was;
}

/* --- programs that the kernel starts ------------------------------------------------------------- */
static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool process_runs(const struct process *p, const char *path)
{
    return strncmp(p->name, base_name(path), sizeof(p->name) - 1) == 0;
}

static int push_arguments(struct mm *mm, const struct first_stack *stack, const struct arguments *args)
{
    /* No CPU has loaded this address space yet: mm_write() writes through the direct map. */
    int err = mm_write(mm, stack->strings, args->text, args->bytes);
    return err ? err : mm_write(mm, stack->argv, stack->pointers, (args->nr + 1) * sizeof(stack->pointers[0]));
}

/* Gives p an address space with the program and a stack, and fills *frame for the program's first instruction. */
static int set_up(struct process *p, const char *path, const struct arguments *args, struct trapframe *frame)
{
    vaddr_t bottom = FIRST_STACK_TOP - FIRST_STACK_BYTES;
    struct first_stack stack;
    u64 entry;

    p->mm = mm_create();
    if (!p->mm)
        return -ENOMEM;
    first_stack_plan(&stack, args);
    int err = mm_set_quota(p->mm, p->quota);
    if (!err)
        err = boot_archive_load(path, p->mm, &entry);
    if (!err)
        err = mm_map(p->mm, &bottom, FIRST_STACK_BYTES, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_FIXED | MAP_GROWSDOWN, NULL, 0);
    if (!err)
        err = push_arguments(p->mm, &stack, args);
    if (!err)
        tf_init_user(frame, entry, stack.sp, args->nr, stack.argv);
    return err;
}

/* Gives p the program, and a thread that will run it. -ENOENT, -ENOEXEC, -ENOMEM. */
static int load(struct process *p, const char *path, const struct arguments *args)
{
    struct trapframe frame;
    int err = set_up(p, path, args, &frame);

    if (!err)
        p->first = process_new_thread(p, &frame);
    return err || p->first ? err : -ENOMEM;
}

struct process *process_start(const char *path, const struct arguments *args, int *err)
{
    struct process *p = process_new(NULL, base_name(path), true);

    *err = p ? load(p, path, args) : -ENOMEM;
    if (!*err) {
        for (int i = 0; i < 3; i++)
            handle_install(&p->handles, console_object(), RIGHT_READ | RIGHT_WRITE | RIGHT_TRANSFER);
        handle_install_at(&p->handles, QUIRE_ARCHIVE, boot_archive_object(),
                          RIGHT_READ | RIGHT_MAP | RIGHT_TRANSFER);
        handle_install_at(&p->handles, QUIRE_DEVICES, devices_object(), RIGHT_MAP | RIGHT_TRANSFER);
        process_show(p);
        return p;
    }
    if (p)
        process_abandon(p);
    return NULL;
}
