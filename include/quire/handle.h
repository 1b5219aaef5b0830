/* SPDX-License-Identifier: MIT */
/*
 * Objects and handles. A handle is a small number in a process's table: an object, its type, and rights.
 * POSIX's file descriptors are handles; the object's type decides how they read and write.
 */
#pragma once

#include <quire/spinlock.h>
#include <quire/types.h>

enum object_type {
    OBJECT_NONE,
    OBJECT_CONSOLE,
    OBJECT_FILE,    /* an open file of the boot archive */
    OBJECT_PROCESS,
    OBJECT_MEMORY,
    OBJECT_GUEST,
};

#define RIGHT_READ 1u
#define RIGHT_WRITE 2u
#define RIGHT_WAIT 4u
#define RIGHT_KILL 8u
#define RIGHT_MAP 16u
#define RIGHT_ALL 31u

struct object {
    u32 refs;
    enum object_type type;
};

#define NR_HANDLES 64

struct handle {
    struct object *object;
    u32 rights;
};

struct handle_table {
    spinlock_t lock;
    u32 end; /* no slot at or above this is in use */
    struct handle handle[NR_HANDLES];
};

void object_init(struct object *o, enum object_type type);
void object_get(struct object *o);
bool object_try_get(struct object *o); /* false: the count is 0 already */
void object_put(struct object *o); /* the last one destroys it, by type */

/* A handle at the lowest free number; -EMFILE: the table is full. Takes over the caller's reference in both cases. */
int handle_install(struct handle_table *t, struct object *o, u32 rights);
/* The object with a reference. NULL: *err is -EBADF (no such handle, or another type) or -EACCES (rights). */
struct object *handle_get(struct handle_table *t, long number, enum object_type type, u32 rights, int *err);
/* The same, and all the rights that the handle gives. */
struct object *handle_get_rights(struct handle_table *t, long number, enum object_type type, u32 rights, u32 *all,
                                 int *err);
int handle_close(struct handle_table *t, long number); /* -EBADF */
/* Close this number if it (still) is a handle to o. */
void handle_close_one(struct handle_table *t, long number, const struct object *o);
void handle_close_object(struct handle_table *t, const struct object *o); /* every handle to it */
void handle_close_all(struct handle_table *t);
/* Copy every handle of `from` to `to`, which is empty: spawn and fork. */
void handle_copy_all(struct handle_table *to, struct handle_table *from, unsigned first_n);
