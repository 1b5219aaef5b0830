/* SPDX-License-Identifier: MIT */
/* Counts the references to objects. See <quire/object.h>. */
#include <quire/object.h>
#include <quire/refs.h>
#include <quire/upcalls.h>

void object_init(struct object *o, enum object_type type)
{
    o->refs = 1;
    o->type = type;
}

void object_get(struct object *o) { __atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED); }

bool object_try_get(struct object *o) { return refs_get_unless_zero(&o->refs); }

void object_put(struct object *o)
{
    if (o && refs_put(&o->refs, 1, "kernel object", o))
        object_destroy(o);
}
