/* SPDX-License-Identifier: MIT */
/* Objects' memory, and the count of their references. See <quire/handle.h> and <quire/object.h>. */
#include <quire/object.h>
#include <quire/process.h>
#include <quire/quota.h>
#include <quire/refs.h>
#include <quire/slab.h>
#include <quire/upcalls.h>

void *object_alloc(enum object_type type, u32 bytes)
{
    struct quota *quota = current_process() ? current_process()->quota : NULL;
    struct object *o = quota_kmalloc(quota, bytes);

    if (!o)
        return NULL;
    object_init(o, type);
    o->bytes = bytes;
    o->quota = quota;
    return o;
}

void object_free(struct object *o) { quota_kfree(o->quota, o, o->bytes); }

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
