/* SPDX-License-Identifier: MIT */
/*
 * Watchers: notifications that get bits when a process has ended. They are in the process's list, under its lock, until
 * it has ended; whoever comes later is told at once.
 */
#include "process_list.h"
#include <quire/errno.h>
#include <quire/object.h>
#include <quire/quota.h>
#include <quire/upcalls.h>

struct watcher {
    struct list link;
    struct notification *notification; /* with a reference */
    u64 bits;
    struct quota *quota;
};

static void tell(struct watcher *w)
{
    notification_signal(w->notification, w->bits);
    object_put((struct object *)w->notification);
    quota_kfree(w->quota, w, sizeof(*w));
}

int process_watch(struct process *p, struct notification *n, u64 bits)
{
    struct quota *quota = current_process()->quota;
    struct watcher *w = quota_kmalloc(quota, sizeof(*w));

    if (!w)
        return -ENOMEM;
    object_get((struct object *)n);
    *w = (struct watcher){.notification = n, .bits = bits, .quota = quota};
    spin_lock(&p->lock);
    bool ended = p->state == PROCESS_ENDED;
    if (!ended)
        list_push_back(&p->watchers, &w->link);
    spin_unlock(&p->lock);
    if (ended)
        tell(w);
    return 0;
}

void process_tell_watchers(struct process *p)
{
    struct list *node;

    for (;;) { /* nobody joins them any more */
        spin_lock(&p->lock);
        node = list_pop_front(&p->watchers);
        spin_unlock(&p->lock);
        if (!node)
            return;
        tell(list_entry(node, struct watcher, link));
        preempt_point();
    }
}
