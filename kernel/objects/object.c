/* SPDX-License-Identifier: MIT */
/* Counting references to objects. See <quire/object.h>. */
#include <quire/object.h>
#include <quire/upcalls.h>

void object_init(struct object *o, enum object_type type)
{
    o->refs = 1;
    o->type = type;
}

void object_get(struct object *o) { __atomic_fetch_add(&o->refs, 1, __ATOMIC_RELAXED); }

bool object_try_get(struct object *o)
{
    u32 refs = READ_ONCE(o->refs);

    while (refs)
        if (__atomic_compare_exchange_n(&o->refs, &refs, refs + 1, true, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
            return true;
    return false;
}

void object_put(struct object *o)
{
    if (o && __atomic_sub_fetch(&o->refs, 1, __ATOMIC_ACQ_REL) == 0)
        object_destroy(o);
}
