/* SPDX-License-Identifier: MIT */
/*
 * Handles in messages, and windows. Handles on their way are counted like handles in a table, so an endpoint whose only
 * receiving handle is in a message isn't closed.
 */
#include "ipc.h"
#include <quire/endpoint.h>
#include <quire/errno.h>
#include <quire/mm.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/uaccess.h>
#include <uapi/quire/ipc.h>

/* --- sending ------------------------------------------------------------------------------------- */
static int look_up(struct extra *x, const struct quire_extra *given, unsigned nr)
{
    struct handle_table *t = &current_process()->handles;

    for (; x->nr < nr; x->nr++) {
        u32 rights = given->rights[x->nr];
        int err = handle_copy(t, given->handle[x->nr], RIGHT_TRANSFER | rights, rights ? rights : RIGHT_ALL,
                              &x->handle[x->nr]);
        if (err)
            return err;
    }
    return 0;
}

static int look_at_window(struct extra *x, const struct quire_extra *given)
{
    u64 rights = given->window_rights;

    if (!rights || rights & ~(u64)(RIGHT_READ | RIGHT_WRITE))
        return -EINVAL;
    if (!user_range_ok(given->window, given->window_bytes))
        return -EFAULT;
    x->has_window = true;
    x->window = given->window;
    x->window_bytes = given->window_bytes;
    x->window_rights = (u32)rights;
    return 0;
}

static struct extra *extra_new(int *err)
{
    struct quota *quota = current_process()->quota;

    *err = -ENOMEM;
    struct extra *x = quota_kmalloc(quota, sizeof(*x));
    if (x)
        x->quota = quota;
    return x;
}

struct extra *extra_in(u64 info, u64 address, int *err)
{
    unsigned nr = info & (QUIRE_INFO_WINDOW - 1);
    struct quire_extra given;

    *err = nr > QUIRE_MESSAGE_HANDLES || info & (QUIRE_INFO_BITS ^ 0xff) ? -EINVAL : 0;
    if (*err || !(info & QUIRE_INFO_BITS))
        return NULL;
    *err = copy_in(&given, (struct user_ptr){address}, sizeof(given));
    struct extra *x = *err ? NULL : extra_new(err);
    if (!x)
        return NULL;
    *err = look_up(x, &given, nr);
    if (!*err && info & QUIRE_INFO_WINDOW)
        *err = look_at_window(x, &given);
    if (!*err)
        return x;
    extra_free(x);
    return NULL;
}

void extra_free(struct extra *x)
{
    if (!x)
        return;
    for (unsigned i = 0; i < x->nr; i++)
        handle_drop(x->handle[i]);
    quota_kfree(x->quota, x, sizeof(*x));
}

/* --- receiving ------------------------------------------------------------------------------------- */
u64 extra_out(struct extra *x, u64 address)
{
    struct quire_extra taken = {.window = 0};
    struct handle_table *t = &current_process()->handles;
    u64 nr = x ? x->nr : 0;

    if (!x)
        return 0;
    taken.window_bytes = x->window_bytes;
    taken.window_rights = x->window_rights;
    for (unsigned i = 0; address && i < x->nr; i++) {
        const struct handle *h = &x->handle[i];
        taken.handle[i] = handle_reserve(t);
        taken.rights[i] = h->rights;
        if (taken.handle[i] < 0)
            continue;
        object_get(h->object);
        handle_fill(t, taken.handle[i], h->object, h->rights, h->badge);
    }
    extra_free(x);
    if (address && !copy_out((struct user_ptr){address}, &taken, sizeof(taken)))
        return nr;
    for (unsigned i = 0; address && i < nr; i++) /* the receiver can't learn their numbers */
        if (taken.handle[i] >= 0)
            handle_close(t, taken.handle[i]);
    return 0;
}

/* --- windows ----------------------------------------------------------------------------------------- */
void extra_window(const struct extra *x, struct duty *duty)
{
    duty->has_window = true;
    duty->window = x->window;
    duty->window_bytes = x->window_bytes;
    duty->window_rights = x->window_rights;
}
