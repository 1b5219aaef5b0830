/* SPDX-License-Identifier: MIT */
/* System calls on processes, threads and time. */
#include <quire/errno.h>
#include <quire/process.h>
#include <quire/sys.h>
#include <arch-generic/machine.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

s64 sys_nop(struct trapframe *tf) { return 0; }

s64 sys_exit(struct trapframe *tf)
{
    process_exit(tf, STATUS_EXIT((int)tf_arg(tf, 0)) | STATUS_SIGNAL((int)tf_arg(tf, 1)));
}

s64 sys_kill(struct trapframe *tf)
{
    int err;
    struct object *o = handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_PROCESS, RIGHT_KILL, &err);

    if (!o)
        return err;
    process_kill((struct process *)o, STATUS_KILLED);
    object_put(o);
    return 0;
}

s64 sys_getpid(struct trapframe *tf) { return (s64)current_process()->id; }

s64 sys_cpu(struct trapframe *tf) { return this_cpu()->cpu; }

s64 sys_cpu_pin(struct trapframe *tf) { return thread_pin((s64)tf_arg(tf, 0)); }

/* The registers of a new thread. -EINVAL: no address of user space, or an unaligned stack. */
static int first_frame(struct trapframe *frame, u64 entry, u64 sp, u64 arg0, u64 arg1)
{
    if (!user_range_ok(entry, 1) || !user_range_ok(sp, 0) || !IS_ALIGNED(sp, 16UL))
        return -EINVAL;
    tf_init_user(frame, entry, sp, arg0, arg1);
    return 0;
}

s64 sys_thread_create(struct trapframe *tf)
{
    struct trapframe frame;
    struct object *told = NULL;
    u64 bits = tf_arg(tf, 4);
    int err = first_frame(&frame, tf_arg(tf, 0), tf_arg(tf, 1), tf_arg(tf, 2), 0);

    if (!err && bits)
        told = handle_get(&current_process()->handles, (long)tf_arg(tf, 3), OBJECT_NOTIFICATION, RIGHT_CALL, &err);
    if (!err)
        err = process_add_thread(current_process(), &frame, (struct notification *)told, bits);
    object_put(told);
    return err;
}

s64 sys_thread_priority(struct trapframe *tf) { return process_thread_priority(tf_arg(tf, 0), tf_arg(tf, 1)); }

s64 sys_thread_exit(struct trapframe *tf) { process_thread_exit(); }

s64 sys_yield(struct trapframe *tf)
{
    thread_yield();
    return 0;
}

s64 sys_sleep(struct trapframe *tf)
{
    u64 now = arch_clock_ns(), ns = tf_arg(tf, 0), end = ns > ~0UL - 1 - now ? ~0UL - 1 : now + ns;

    do
        thread_sleep_until(end);
    while (arch_clock_ns() < end && !current_killed());
    return 0;
}

s64 sys_clock(struct trapframe *tf) { return (s64)(arch_clock_ns() & ~(1UL << 63)); }

s64 sys_process_id(struct trapframe *tf)
{
    int err;
    struct object *o = handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_PROCESS, 0, &err);

    if (!o)
        return err;
    u64 id = ((struct process *)o)->id;
    object_put(o);
    return (s64)id;
}

/* --- processes from outside ---------------------------------------------------------------------- */
static struct process *held(const struct trapframe *tf, u32 rights, int *err)
{
    return (struct process *)handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_PROCESS, rights, err);
}

s64 sys_process_create(struct trapframe *tf)
{
    char name[PROCESS_NAME_MAX];
    ssize_t n = copy_in_string(name, user_arg(tf, 0), sizeof(name));

    return n < 0 ? n : process_create(name, tf_arg(tf, 1));
}

s64 sys_process_clone(struct trapframe *tf) { return process_clone(tf); }

static void drop_given(struct start *start)
{
    while (start->nr_given)
        handle_drop(start->given[--start->nr_given]);
}

/* Looks the handles up that the new process gets. On an error none is kept. */
static int look_up_given(struct start *start, const struct quire_start *from)
{
    struct handle_table *t = &current_process()->handles;

    if (from->nr_given > QUIRE_START_HANDLES || (from->nr_given && from->nr_same))
        return -EINVAL;
    while (start->nr_given < from->nr_given) {
        unsigned i = start->nr_given;
        u32 rights = from->rights[i];
        int err = handle_copy(t, from->handle[i], RIGHT_TRANSFER | rights, rights ? rights : RIGHT_ALL,
                              &start->given[i]);
        if (err) {
            drop_given(start);
            return err;
        }
        start->nr_given++;
    }
    return 0;
}

s64 sys_process_start(struct trapframe *tf)
{
    struct quire_start from = {0};
    struct trapframe frame;
    int err = copy_in(&from, user_arg(tf, 1), sizeof(from));
    struct start start = {.frame = from.entry ? &frame : NULL, .nr_same = MIN(from.nr_same, (u32)HANDLES_MAX)};

    if (!err && from.entry)
        err = first_frame(&frame, from.entry, from.stack, from.arguments[0], from.arguments[1]);
    struct process *p = err ? NULL : held(tf, RIGHT_MAP, &err);
    if (!p)
        return err;
    err = look_up_given(&start, &from);
    if (!err)
        err = process_begin(p, &start);
    drop_given(&start);
    object_put(&p->object);
    return err;
}

s64 sys_process_watch(struct trapframe *tf)
{
    struct object *n;
    int err;
    struct process *p = held(tf, RIGHT_WAIT, &err);

    if (!p)
        return err;
    s64 id = (s64)p->id;
    n = handle_get(&current_process()->handles, (long)tf_arg(tf, 1), OBJECT_NOTIFICATION, RIGHT_CALL, &err);
    if (n)
        err = process_watch(p, (struct notification *)n, tf_arg(tf, 2));
    object_put(n);
    object_put(&p->object);
    return err ? err : id;
}

/* Where it is no crash, the crash's name is empty. */
s64 sys_process_status(struct trapframe *tf)
{
    int err;
    struct process *p = held(tf, RIGHT_WAIT, &err);

    if (!p)
        return err;
    err = process_ended(p) ? copy_out(user_arg(tf, 1), &p->status, sizeof(p->status)) : -EAGAIN;
    if (!err && !user_ptr_is_null(user_arg(tf, 2)))
        err = copy_out(user_arg(tf, 2), &p->crash, sizeof(p->crash));
    object_put(&p->object);
    return err;
}

s64 sys_process_faults(struct trapframe *tf)
{
    struct handle e = {.object = NULL};
    u64 flags = tf_arg(tf, 2);
    int err = flags & ~(u64)QUIRE_FAULTS_TRACE ? -EINVAL : 0;

    struct handle_table *t = &current_process()->handles;
    long number = (long)tf_arg(tf, 1);

    if (err || (number != -1 && !handle_look(t, number, OBJECT_ENDPOINT, RIGHT_CALL, &e, &err)))
        return err;
    struct process *p = held(tf, RIGHT_MAP, &err);
    if (!p) {
        object_put(e.object);
        return err;
    }
    err = process_set_faults(p, (struct fault_handler){(struct endpoint *)e.object, e.badge, e.object && flags});
    object_put(&p->object);
    return err;
}
