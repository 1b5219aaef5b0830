/* SPDX-License-Identifier: MIT */
/* Handle tables: see <quire/handle.h>. Under table->lock no other lock is taken, and no object is destroyed. */
#include <quire/handle.h>
#include <quire/errno.h>

int handle_install(struct handle_table *t, struct object *o, u32 rights)
{
    int number = -EMFILE;

    spin_lock(&t->lock);
    for (int i = 0; i < NR_HANDLES && number < 0; i++) {
        if (t->handle[i].object)
            continue;
        t->handle[i] = (struct handle){o, rights};
        t->end = MAX(t->end, (u32)i + 1);
        number = i;
    }
    spin_unlock(&t->lock);
    if (number < 0)
        object_put(o);
    return number;
}

struct object *handle_get(struct handle_table *t, long number, enum object_type type, u32 rights, int *err)
{
    u32 all;
    return handle_get_rights(t, number, type, rights, &all, err);
}

struct object *handle_get_rights(struct handle_table *t, long number, enum object_type type, u32 rights, u32 *all,
                                 int *err)
{
    struct object *o = NULL;

    *err = -EBADF;
    if (number < 0 || number >= NR_HANDLES)
        return NULL;
    spin_lock(&t->lock);
    const struct handle *h = &t->handle[number];
    if (h->object && (type == OBJECT_NONE || h->object->type == type)) {
        *err = -EACCES;
        if ((h->rights & rights) == rights) {
            o = h->object;
            object_get(o);
            *all = h->rights;
            *err = 0;
        }
    }
    spin_unlock(&t->lock);
    return o;
}

/*
 * Takes the object with this number out of the table; if `only` isn't NULL, then only if the number names this object.
 * NULL: nothing was taken out.
 */
static struct object *take_out(struct handle_table *t, long number, const struct object *only)
{
    if (number < 0 || number >= NR_HANDLES)
        return NULL;
    spin_lock(&t->lock);
    struct object *o = t->handle[number].object;
    if (only && o != only)
        o = NULL;
    if (o)
        t->handle[number] = (struct handle){NULL, 0};
    spin_unlock(&t->lock);
    return o;
}

int handle_close(struct handle_table *t, long number)
{
    struct object *o = take_out(t, number, NULL);

    object_put(o);
    return o ? 0 : -EBADF;
}

void handle_close_one(struct handle_table *t, long number, const struct object *o)
{
    object_put(take_out(t, number, o));
}

void handle_close_object(struct handle_table *t, const struct object *o)
{
    for (long i = 0; i < (long)READ_ONCE(t->end); i++)
        if (READ_ONCE(t->handle[i].object) == o)
            handle_close_one(t, i, o);
}

void handle_close_all(struct handle_table *t)
{
    for (long i = 0; i < (long)READ_ONCE(t->end); i++)
        if (READ_ONCE(t->handle[i].object))
            handle_close(t, i);
}

void handle_copy_all(struct handle_table *to, struct handle_table *from, unsigned first_n)
{
    spin_lock(&from->lock);
    to->end = MIN(first_n, from->end);
    for (unsigned i = 0; i < to->end; i++) {
        to->handle[i] = from->handle[i];
        if (to->handle[i].object)
            object_get(to->handle[i].object);
    }
    spin_unlock(&from->lock);
}
