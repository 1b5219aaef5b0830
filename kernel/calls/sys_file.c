/* SPDX-License-Identifier: MIT */
/* System calls that read and write by a handle: the console, and the files of the boot archive. */
#include <quire/console.h>
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/upcalls.h>
#include <quire/object.h>
#include <quire/process.h>
#include <quire/string.h>
#include <quire/sys.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

#define CHUNK 256
#define COPY_STEP (8 * KiB) /* bytes copied between two preemption points */

/*
 * The bytes [at, at + n) were taken from the file, but the program didn't get them. The next read gets them, unless
 * another thread has moved the position meanwhile.
 */
static void put_back(struct file *f, u64 at, u64 n)
{
    spin_lock(&f->lock);
    if (f->position == at + n)
        f->position = at;
    spin_unlock(&f->lock);
}

static s64 file_read(struct file *f, struct user_window *to)
{
    spin_lock(&f->lock);
    u64 at = f->position, left = at < f->entry->size ? f->entry->size - at : 0;
    u64 n = MIN(to->left, left);
    f->position += n;
    spin_unlock(&f->lock);
    for (u64 done = 0; done < n; done += COPY_STEP) {
        if (window_out(to, f->entry->data + at + done, MIN(n - done, COPY_STEP))) {
            put_back(f, at, n);
            return -EFAULT;
        }
        if (preempt_point()) {
            put_back(f, at, n);
            return -EINTR;
        }
    }
    return (s64)n;
}

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
    struct object *o = handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_NONE, RIGHT_READ, &err);
    struct user_window to;

    if (!o)
        return err;
    bool good = tf_arg(tf, 3) <= (o->type == OBJECT_CONSOLE ? QUIRE_READ_KEYS : 0);
    s64 result = good ? user_window(&to, user_arg(tf, 1), tf_arg(tf, 2)) : -EINVAL;
    if (!result)
        result = o->type == OBJECT_FILE      ? file_read((struct file *)o, &to)
                 : o->type == OBJECT_CONSOLE ? console_read_out(&to, tf_arg(tf, 3))
                                             : -EBADF;
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

s64 sys_open(struct trapframe *tf)
{
    char path[PATH_MAX];
    int err;
    ssize_t n = copy_in_string(path, user_arg(tf, 0), sizeof(path));

    if (n < 0)
        return n;
    if (tf_arg(tf, 1))
        return tf_arg(tf, 1) & 3 ? -EROFS : -EINVAL; /* the boot archive can only be read */
    struct file *f = file_open(path, &err);
    return f ? handle_install(&current_process()->handles, &f->object, RIGHT_READ | RIGHT_TRANSFER) : err;
}

s64 sys_close(struct trapframe *tf) { return handle_close(&current_process()->handles, (long)tf_arg(tf, 0)); }

static s64 file_seek(struct file *f, s64 offset, u64 whence)
{
    s64 to;

    spin_lock(&f->lock);
    s64 base = whence == 0 ? 0 : whence == 1 ? (s64)f->position : (s64)f->entry->size;
    bool possible = whence <= 2 && !__builtin_add_overflow(base, offset, &to) && to >= 0;
    if (possible)
        f->position = (u64)to;
    spin_unlock(&f->lock);
    return possible ? to : -EINVAL;
}

s64 sys_seek(struct trapframe *tf)
{
    int err;
    struct object *o = handle_get(&current_process()->handles, (long)tf_arg(tf, 0), OBJECT_NONE, 0, &err);

    if (!o)
        return err;
    s64 result = o->type == OBJECT_FILE ? file_seek((struct file *)o, (s64)tf_arg(tf, 1), tf_arg(tf, 2)) : -ESPIPE;
    object_put(o);
    return result;
}

s64 sys_entry(struct trapframe *tf)
{
    const struct initrd_file *file = tf_arg(tf, 0) < INITRD_MAX_FILES ? initrd_file((unsigned)tf_arg(tf, 0)) : NULL;
    struct quire_entry e = {0};

    if (!file)
        return -ENOENT;
    strlcpy(e.name, file->name, sizeof(e.name));
    e.size = file->size;
    e.mode = file->mode;
    e.index = (u32)tf_arg(tf, 0);
    return copy_out(user_arg(tf, 1), &e, sizeof(e));
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
