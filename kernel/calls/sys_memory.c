/* SPDX-License-Identifier: MIT */
/* System calls on address spaces and memory objects. */
#include <quire/errno.h>
#include <quire/object.h>
#include <quire/process.h>
#include <quire/sys.h>
#include <uapi/quire/ipc.h>

s64 sys_mmap(struct trapframe *tf)
{
    vaddr_t addr = tf_arg(tf, 0);
    size_t len = tf_arg(tf, 1);
    unsigned prot = (unsigned)tf_arg(tf, 2), flags = (unsigned)tf_arg(tf, 3);
    u64 offset = tf_arg(tf, 5);
    struct object *o = NULL;
    struct memobj *memobj = NULL;
    int err;

    if (tf_arg(tf, 2) >> 32 || tf_arg(tf, 3) >> 32 || (flags & MAP_NOWRITE))
        return -EINVAL;
    if (!(flags & MAP_ANONYMOUS)) {
        struct handle h;
        if (!handle_look(&current_process()->handles, (long)tf_arg(tf, 4), OBJECT_MEMORY, RIGHT_MAP, &h, &err))
            return err;
        o = h.object;
        flags |= h.rights & RIGHT_WRITE ? 0 : MAP_NOWRITE; /* this forbids a later mprotect() to allow writes, too */
        memobj = ((struct memory_object *)o)->memobj;
    }
    err = mm_map(current_process()->mm, &addr, len, prot, flags, memobj, memobj ? offset : 0);
    object_put(o);
    return err ? err : (s64)addr;
}

s64 sys_munmap(struct trapframe *tf) { return mm_unmap(current_process()->mm, tf_arg(tf, 0), tf_arg(tf, 1)); }

s64 sys_mprotect(struct trapframe *tf)
{
    if (tf_arg(tf, 2) >> 32)
        return -EINVAL;
    return mm_protect(current_process()->mm, tf_arg(tf, 0), tf_arg(tf, 1), (unsigned)tf_arg(tf, 2));
}

s64 sys_madvise(struct trapframe *tf)
{
    return mm_madvise(current_process()->mm, tf_arg(tf, 0), tf_arg(tf, 1), (int)tf_arg(tf, 2));
}

s64 sys_memory_create(struct trapframe *tf)
{
    int err;
    struct memory_object *m = memory_object_create(tf_arg(tf, 0), &err);

    return m ? handle_install(&current_process()->handles, &m->object, RIGHT_ALL) : err;
}

s64 sys_cache_sync(struct trapframe *tf) { return mm_cache_sync(current_process()->mm, tf_arg(tf, 0), tf_arg(tf, 1)); }
