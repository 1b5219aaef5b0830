/* SPDX-License-Identifier: MIT */
/* System calls that read the events of all CPUs: <uapi/quire/event.h>. The ring is base/events.c. */
#include <quire/errno.h>
#include <quire/mm_event.h>
#include <quire/object.h>
#include <quire/process.h>
#include <quire/sys.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

#if QUIRE_DEBUG
#define LATE 64 /* a writer may come so many events after the one that it has the number of; then its event is lost */

s64 sys_events_open(struct trapframe *tf)
{
    struct handle_table *handles = &current_process()->handles;
    int err;
    struct object *devices = handle_get(handles, (long)tf_arg(tf, 0), OBJECT_DEVICES, RIGHT_MAP, &err);

    if (!devices)
        return err;
    object_put(devices);
    struct object *events = object_alloc(OBJECT_EVENTS, sizeof(*events));
    if (!events)
        return -ENOMEM;
    events_want(true);
    return handle_install(handles, events, RIGHT_READ | RIGHT_TRANSFER);
}

/* The number of the first event from n on that the ring may still hold. */
static u64 first_kept(u64 n, u64 next)
{
    return next > MM_EVENT_RING && n < next - MM_EVENT_RING ? next - MM_EVENT_RING : n;
}

/* Copies complete events from n on, at most `most`. How many; -EFAULT; -EINTR: the caller was killed. */
static s64 copy_events(struct user_window *to, u64 n, u64 most)
{
    u64 next = __atomic_load_n(&mm_event_next, __ATOMIC_ACQUIRE), copied = 0;

    for (n = first_kept(n, next); n < next && copied < most; n++) {
        struct mm_event_record r;
        if (preempt_point())
            return -EINTR;
        if (mm_event_read(n, &r)) {
            if (window_out(to, &r, sizeof(r)))
                return -EFAULT;
            copied++;
        } else if (__atomic_load_n(&mm_event_next, __ATOMIC_RELAXED) - n < LATE) {
            break; /* it may still be written */
        }
    }
    return (s64)copied;
}

s64 sys_events_read(struct trapframe *tf)
{
    u64 most = tf_arg(tf, 2) / sizeof(struct mm_event_record), from = tf_arg(tf, 3);
    struct handle_table *handles = &current_process()->handles;
    struct user_window to;
    int err;
    struct object *events = handle_get(handles, (long)tf_arg(tf, 0), OBJECT_EVENTS, RIGHT_READ, &err);

    if (!events)
        return err;
    s64 result = -EFAULT;
    if (!most)
        result = (s64)__atomic_load_n(&mm_event_next, __ATOMIC_ACQUIRE);
    else if (!user_window(&to, user_arg(tf, 1), most * sizeof(struct mm_event_record)))
        result = copy_events(&to, from, most);
    object_put(events);
    return result;
}
#else
s64 sys_events_open(struct trapframe *tf) { return -ENOSYS; }
s64 sys_events_read(struct trapframe *tf) { return -ENOSYS; }
#endif
