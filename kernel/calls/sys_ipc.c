/* SPDX-License-Identifier: MIT */
/* System calls on handles, messages and notifications: from numbers to objects, once. */
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/futex.h>
#include <quire/process.h>
#include <quire/sys.h>
#include <quire/upcalls.h>
#include <arch-generic/machine.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

static struct handle_table *own_handles(void) { return &current_process()->handles; }

/* The time at which a wait with this info word ends; ~0: never. */
static u64 end_of_wait(u64 info)
{
    u64 us = info >> 8, now = arch_clock_ns();

    return !us ? ~0UL : us > (~0UL - 1 - now) / 1000 ? ~0UL - 1 : now + us * 1000;
}

s64 sys_close(struct trapframe *tf) { return handle_close(own_handles(), (long)tf_arg(tf, 0)); }

s64 sys_handle_duplicate(struct trapframe *tf)
{
    u64 rights = tf_arg(tf, 1);

    if (rights & ~(u64)(RIGHT_ALL | RIGHT_OWN))
        return -EINVAL;
    return handle_duplicate(own_handles(), (long)tf_arg(tf, 0), (u32)rights, tf_arg(tf, 2));
}

s64 sys_endpoint_create(struct trapframe *tf)
{
    struct object *o = (struct object *)endpoint_create();

    return o ? handle_install(own_handles(), o, RIGHT_CALL | RIGHT_RECEIVE | RIGHT_TRANSFER) : -ENOMEM;
}

s64 sys_notification_create(struct trapframe *tf)
{
    struct object *o = (struct object *)notification_create();

    return o ? handle_install(own_handles(), o, RIGHT_CALL | RIGHT_RECEIVE | RIGHT_TRANSFER) : -ENOMEM;
}

/* The object that argument 0 names. False: *err. */
static bool look(struct trapframe *tf, enum object_type type, u32 rights, struct handle *h, int *err)
{
    return handle_look(own_handles(), (long)tf_arg(tf, 0), type, rights, h, err);
}

s64 sys_call(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_ENDPOINT, RIGHT_CALL, &h, &err))
        return err;
    s64 result = ipc_call((struct endpoint *)h.object, h.badge, tf, end_of_wait(*tf_info(tf)));
    object_put(h.object);
    return result;
}

s64 sys_send(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_ENDPOINT, RIGHT_CALL, &h, &err))
        return err;
    s64 result = *tf_info(tf) & QUIRE_INFO_WINDOW ? -EINVAL : ipc_send((struct endpoint *)h.object, h.badge, tf);
    object_put(h.object);
    return result;
}

s64 sys_receive(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_ENDPOINT, RIGHT_RECEIVE, &h, &err))
        return err;
    if (!(*tf_info(tf) & QUIRE_INFO_BITS))
        return ipc_receive((struct endpoint *)h.object, tf, end_of_wait(*tf_info(tf)));
    object_put(h.object);
    return -EINVAL;
}

/* A caller that doesn't wait any more is no reason not to receive: a server goes on. */
s64 sys_reply_receive(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_ENDPOINT, RIGHT_RECEIVE, &h, &err))
        return err;
    s64 result = ipc_reply(tf);
    if (!result || result == -ESRCH)
        return ipc_receive((struct endpoint *)h.object, tf, end_of_wait(*tf_info(tf)));
    object_put(h.object);
    return result;
}

/* The reply object that argument 0 names; -1: none is meant. False: *err. A reference, if it isn't NULL. */
static bool look_reply(struct trapframe *tf, struct reply **r, int *err)
{
    *r = NULL;
    if ((s64)tf_arg(tf, 0) == -1)
        return true;
    *r = (struct reply *)handle_get(own_handles(), (long)tf_arg(tf, 0), OBJECT_REPLY, 0, err);
    return *r != NULL;
}

s64 sys_reply(struct trapframe *tf)
{
    struct reply *r;
    int err;

    if (!look_reply(tf, &r, &err))
        return err;
    s64 result = *tf_info(tf) & QUIRE_INFO_WINDOW ? -EINVAL : r ? ipc_reply_to(r, tf) : ipc_reply(tf);
    object_put((struct object *)r);
    return result;
}

s64 sys_fault_registers(struct trapframe *tf)
{
    struct reply *r;
    int err;

    if (tf_arg(tf, 2) > 1)
        return -EINVAL;
    if (!look_reply(tf, &r, &err))
        return err;
    err = fault_registers(r, user_arg(tf, 1), tf_arg(tf, 2));
    object_put((struct object *)r);
    return err;
}

s64 sys_reply_save(struct trapframe *tf)
{
    int err, number = handle_reserve(own_handles()); /* first: whoever drops a reply object ends its call */

    if (number < 0)
        return number;
    struct reply *r = reply_save(&err);
    if (r)
        handle_fill(own_handles(), number, (struct object *)r, RIGHT_TRANSFER, 0);
    else
        handle_unreserve(own_handles(), number);
    return r ? number : err;
}

static s64 window(struct trapframe *tf, bool write)
{
    struct reply *r;
    int err;

    if (!look_reply(tf, &r, &err))
        return err;
    s64 result = window_copy(r, tf_arg(tf, 1), tf_arg(tf, 2), tf_arg(tf, 3), write);
    object_put((struct object *)r);
    return result;
}

s64 sys_window_read(struct trapframe *tf) { return window(tf, false); }

s64 sys_window_write(struct trapframe *tf) { return window(tf, true); }

static __noinline s64 look_and_signal(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_NOTIFICATION, RIGHT_CALL, &h, &err))
        return err;
    notification_signal((struct notification *)h.object, tf_arg(tf, 1));
    object_put(h.object);
    return 0;
}

s64 sys_signal(struct trapframe *tf)
{
    struct object *n = handle_borrow(&current_process()->handles, tf_arg(tf, 0), OBJECT_NOTIFICATION, RIGHT_CALL);

    if (unlikely(!n))
        return look_and_signal(tf);
    notification_signal((struct notification *)n, tf_arg(tf, 1));
    return 0;
}

s64 sys_notification_wait(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_NOTIFICATION, RIGHT_RECEIVE, &h, &err))
        return err;
    return notification_wait((struct notification *)h.object, end_of_wait(*tf_info(tf)));
}

s64 sys_notification_bind(struct trapframe *tf)
{
    struct handle n, e;
    int err;

    if (!look(tf, OBJECT_NOTIFICATION, RIGHT_RECEIVE, &n, &err))
        return err;
    if (handle_look(own_handles(), (long)tf_arg(tf, 1), OBJECT_ENDPOINT, RIGHT_RECEIVE, &e, &err)) {
        err = notification_bind((struct notification *)n.object, (struct endpoint *)e.object);
        object_put(e.object);
    }
    object_put(n.object);
    return err;
}

s64 sys_timer_signal(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_NOTIFICATION, RIGHT_CALL, &h, &err))
        return err;
    bool was_set = notification_timer((struct notification *)h.object, tf_arg(tf, 1), tf_arg(tf, 2));
    object_put(h.object);
    return was_set;
}

s64 sys_interrupt_open(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_DEVICES, RIGHT_MAP, &h, &err))
        return err;
    object_put(h.object);
    if (tf_arg(tf, 2) > QUIRE_INTERRUPT_EDGE)
        return -EINVAL;
    struct interrupt *i = interrupt_open(tf_arg(tf, 1), tf_arg(tf, 2) == QUIRE_INTERRUPT_EDGE, &err);
    return i ? handle_install(own_handles(), (struct object *)i, RIGHT_RECEIVE | RIGHT_TRANSFER) : err;
}

s64 sys_interrupt_bind(struct trapframe *tf)
{
    struct handle i, n = {.object = NULL};
    u64 bits = tf_arg(tf, 2);
    int err;

    if (!look(tf, OBJECT_INTERRUPT, RIGHT_RECEIVE, &i, &err))
        return err;
    if (!bits)
        interrupt_unbind((struct interrupt *)i.object);
    else if (handle_look(own_handles(), (long)tf_arg(tf, 1), OBJECT_NOTIFICATION, RIGHT_CALL, &n, &err))
        err = interrupt_bind((struct interrupt *)i.object, (struct notification *)n.object, bits);
    object_put(n.object);
    object_put(i.object);
    return bits ? err : 0;
}

s64 sys_interrupt_ack(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!look(tf, OBJECT_INTERRUPT, RIGHT_RECEIVE, &h, &err))
        return err;
    err = interrupt_ack((struct interrupt *)h.object);
    object_put(h.object);
    return err;
}

s64 sys_futex_wait(struct trapframe *tf)
{
    return futex_wait(tf_arg(tf, 0), (u32)tf_arg(tf, 1), end_of_wait(tf_arg(tf, 2)));
}

s64 sys_futex_wake(struct trapframe *tf) { return futex_wake(tf_arg(tf, 0), tf_arg(tf, 1)); }
