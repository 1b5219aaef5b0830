/* SPDX-License-Identifier: MIT */
/* System calls on the console. */
#include <quire/console.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/upcalls.h>
#include <quire/object.h>
#include <quire/process.h>
#include <quire/sys.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

#define CHUNK 256

static s64 console_read_out(struct user_window *to, bool keys)
{
    char line[CHUNK];

    if (to->left == 0)
        return 0;
    ssize_t got = console_read(line, MIN(to->left, sizeof(line)), keys);
    if (got > 0 && window_out(to, line, (size_t)got))
        return -EFAULT;
    return got;
}

s64 sys_read(struct trapframe *tf)
{
    int err;
    struct object *o = handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_CONSOLE, RIGHT_READ, &err);
    struct user_window to;

    if (!o)
        return err;
    s64 result = tf_arg(tf, 3) > QUIRE_READ_KEYS ? -EINVAL : user_window(&to, user_arg(tf, 1), tf_arg(tf, 2));
    if (!result)
        result = console_read_out(&to, tf_arg(tf, 3));
    object_put(o);
    return result;
}

s64 sys_write(struct trapframe *tf)
{
    int err;
    struct object *o = handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_CONSOLE, RIGHT_WRITE, &err);
    struct user_window from;
    char chunk[CHUNK];
    u64 done = 0;

    if (!o)
        return err;
    err = user_window(&from, user_arg(tf, 1), tf_arg(tf, 2));
    while (!err && from.left) {
        u64 step = MIN(from.left, sizeof(chunk));
        err = window_in(chunk, &from, step);
        if (err)
            break;
        console_write_user(chunk, step);
        done += step;
        if (preempt_point())
            err = -EINTR;
    }
    object_put(o);
    return done ? (s64)done : err;
}

s64 sys_console_listen(struct trapframe *tf)
{
    struct handle_table *t = &current_process()->handles;
    int err;
    struct object *n, *console = handle_get(t, (long)tf_arg(tf, 0), OBJECT_CONSOLE, RIGHT_READ, &err);

    if (!console)
        return err;
    n = handle_get(t, (long)tf_arg(tf, 1), OBJECT_NOTIFICATION, RIGHT_CALL, &err);
    if (n) {
        notification_may_listen((struct notification *)n);
        console_listen((struct notification *)n, tf_arg(tf, 2));
        err = 0;
    }
    object_put(n);
    object_put(console);
    return err;
}
