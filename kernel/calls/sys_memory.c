/* SPDX-License-Identifier: MIT */
/* System calls on address spaces and memory objects. */
#include <quire/errno.h>
#include <quire/memory.h>
#include <quire/pager.h>
#include <quire/process.h>
#include <quire/sys.h>
#include <quire/upcalls.h>
#include <uapi/quire/abi.h>
#include <uapi/quire/ipc.h>

static struct handle_table *own_handles(void) { return &current_process()->handles; }

/* --- address spaces ----------------------------------------------------------------------------- */
/*
 * The address space that argument 0 names: -1 is the caller's own, a process handle is that process's. With a
 * reference, so it stays when its process ends meanwhile. NULL: *err; -ESRCH: the process has ended.
 */
static struct mm *look_space(struct trapframe *tf, int *err)
{
    long number = (long)tf_arg(tf, 0);

    if (number == -1) {
        mm_get(current_process()->mm);
        return current_process()->mm;
    }
    struct object *o = handle_get(own_handles(), number, OBJECT_PROCESS, RIGHT_MAP, err);
    if (!o)
        return NULL;
    struct mm *mm = process_mm((struct process *)o);
    object_put(o);
    *err = -ESRCH;
    return mm;
}

/*
 * What can be mapped can be read, so a handle needs both rights. A handle without RIGHT_WRITE never gets write access.
 */
static s64 map(struct mm *mm, const struct quire_map *m)
{
    struct handle h = {.rights = RIGHT_WRITE};
    struct memobj *memobj = NULL;
    vaddr_t addr = m->address;
    int err;

    if (m->flags & MAP_NOWRITE)
        return -EINVAL;
    if (m->memory != -1) {
        if (!handle_look(own_handles(), (long)m->memory, OBJECT_MEMORY, RIGHT_MAP | RIGHT_READ, &h, &err))
            return err;
        memobj = ((struct memory_object *)h.object)->memobj;
    }
    unsigned flags = m->flags | (h.rights & RIGHT_WRITE ? 0 : MAP_NOWRITE);
    err = mm_map(mm, &addr, m->bytes, m->prot, flags, memobj, memobj ? m->offset : 0);
    object_put(h.object);
    return err ? err : (s64)addr;
}

s64 sys_space_map(struct trapframe *tf)
{
    struct quire_map m;
    int err = copy_in(&m, user_arg(tf, 1), sizeof(m));
    struct mm *mm = err ? NULL : look_space(tf, &err);

    if (!mm)
        return err;
    s64 result = map(mm, &m);
    mm_put(mm);
    return result;
}

s64 sys_space_unmap(struct trapframe *tf)
{
    int err;
    struct mm *mm = look_space(tf, &err);

    if (!mm)
        return err;
    err = mm_unmap(mm, tf_arg(tf, 1), tf_arg(tf, 2));
    mm_put(mm);
    return err;
}

s64 sys_space_write(struct trapframe *tf)
{
    struct user_window from;
    int err = user_window(&from, user_arg(tf, 2), tf_arg(tf, 3));
    struct object *o =
        err ? NULL : handle_get(own_handles(), (long)tf_arg(tf, 0), OBJECT_PROCESS, RIGHT_MAP, &err);

    if (!o)
        return err;
    err = process_write((struct process *)o, tf_arg(tf, 1), &from);
    object_put(o);
    return err;
}

s64 sys_space_protect(struct trapframe *tf)
{
    int err = -EINVAL;
    struct mm *mm = tf_arg(tf, 3) >> 32 ? NULL : look_space(tf, &err);

    if (!mm)
        return err;
    err = mm_protect(mm, tf_arg(tf, 1), tf_arg(tf, 2), (unsigned)tf_arg(tf, 3));
    mm_put(mm);
    return err;
}

/* POSIX's calls, for the caller's own address space. */
s64 sys_mmap(struct trapframe *tf)
{
    struct quire_map m = {.address = tf_arg(tf, 0), .bytes = tf_arg(tf, 1), .prot = (u32)tf_arg(tf, 2),
                          .flags = (u32)tf_arg(tf, 3), .memory = (s64)tf_arg(tf, 4), .offset = tf_arg(tf, 5)};

    if (tf_arg(tf, 2) >> 32 || tf_arg(tf, 3) >> 32)
        return -EINVAL;
    if (m.flags & MAP_ANONYMOUS)
        m.memory = -1;
    else if (m.memory == -1)
        return -EBADF;
    return map(current_process()->mm, &m);
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

s64 sys_cache_sync(struct trapframe *tf) { return mm_cache_sync(current_process()->mm, tf_arg(tf, 0), tf_arg(tf, 1)); }

/* --- memory objects ------------------------------------------------------------------------------- */
/* The memory object that argument 0 names, with these rights; NULL: *err. With a reference. */
static struct memory_object *look_memory(struct trapframe *tf, u32 rights, int *err)
{
    return (struct memory_object *)handle_get(own_handles(), (long)tf_arg(tf, 0), OBJECT_MEMORY, rights, err);
}

/* A handle to a new object; m NULL: err. */
static s64 give(struct memory_object *m, int err)
{
    return m ? handle_install(own_handles(), &m->object, RIGHT_ALL) : err;
}

s64 sys_memory_create(struct trapframe *tf)
{
    int err = -EINVAL;
    u64 flags = tf_arg(tf, 1);
    struct memory_object *m = flags > QUIRE_MEMORY_LARGE ? NULL : memory_object_create(tf_arg(tf, 0), flags, &err);

    return give(m, err);
}

static s64 copy(struct trapframe *tf, bool write)
{
    struct user_window own;
    int err;
    struct memory_object *m = look_memory(tf, write ? RIGHT_WRITE : RIGHT_READ, &err);

    if (!m)
        return err;
    err = user_window(&own, user_arg(tf, 2), tf_arg(tf, 3));
    s64 result = err ? err : memory_object_copy(m, tf_arg(tf, 1), &own, write);
    object_put(&m->object);
    return result;
}

s64 sys_memory_read(struct trapframe *tf) { return copy(tf, false); }

s64 sys_memory_write(struct trapframe *tf) { return copy(tf, true); }

s64 sys_memory_size(struct trapframe *tf)
{
    int err;
    struct memory_object *m = look_memory(tf, 0, &err);

    if (!m)
        return err;
    u64 bytes = memory_object_size(m);
    object_put(&m->object);
    return (s64)bytes;
}

s64 sys_memory_resize(struct trapframe *tf)
{
    int err;
    struct memory_object *m = look_memory(tf, RIGHT_RESIZE, &err);

    if (!m)
        return err;
    err = memory_object_resize(m, tf_arg(tf, 1));
    object_put(&m->object);
    return err;
}

s64 sys_memory_clone(struct trapframe *tf)
{
    int err;
    struct memory_object *m = look_memory(tf, RIGHT_READ, &err);

    if (!m)
        return err;
    struct memory_object *copy = memory_object_clone(m, tf_arg(tf, 1), tf_arg(tf, 2), &err);
    object_put(&m->object);
    return give(copy, err);
}

s64 sys_memory_pager(struct trapframe *tf)
{
    struct handle h;
    int err;

    if (!handle_look(own_handles(), (long)tf_arg(tf, 0), OBJECT_ENDPOINT, RIGHT_CALL, &h, &err))
        return err;
    struct pager *pager = pager_create(h.object, h.badge, tf_arg(tf, 2));
    object_put(h.object);
    if (!pager)
        return -ENOMEM;
    struct memory_object *m = memory_object_pager(pager, tf_arg(tf, 1), &err);
    if (!m)
        pager_put(pager);
    return give(m, err);
}

s64 sys_memory_supply(struct trapframe *tf)
{
    int err;
    struct memory_object *m = look_memory(tf, RIGHT_WRITE, &err);
    struct object *from =
        m ? handle_get(own_handles(), (long)tf_arg(tf, 2), OBJECT_MEMORY, RIGHT_READ, &err) : NULL;
    s64 result =
        from ? memory_object_supply(m, tf_arg(tf, 1), (struct memory_object *)from, tf_arg(tf, 3), tf_arg(tf, 4)) : err;

    object_put(from);
    object_put((struct object *)m);
    return result;
}

s64 sys_memory_device(struct trapframe *tf)
{
    int err;
    struct object *devices = handle_get(own_handles(), (long)tf_arg(tf, 0), OBJECT_DEVICES, RIGHT_MAP, &err);

    if (!devices)
        return err;
    object_put(devices);
    struct memory_object *m = memory_object_device(tf_arg(tf, 1), tf_arg(tf, 2), &err);
    return m ? handle_install(own_handles(), &m->object, RIGHT_READ | RIGHT_WRITE | RIGHT_MAP | RIGHT_TRANSFER) : err;
}
