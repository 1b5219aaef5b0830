/* SPDX-License-Identifier: MIT */
/* The kinds of objects, and what each does when its last reference goes. */
#pragma once

#include <quire/handle.h>
#include <quire/initrd.h>

struct memobj;

struct file {
    struct object object;
    const struct initrd_file *entry;
    u64 position;
    spinlock_t lock;
};

struct memory_object { /* <quire/memory.h> */
    struct object object;
    struct memobj *memobj;
};

void object_destroy(struct object *o);
struct object *console_object(void); /* the one console; a new reference */
struct object *devices_object(void); /* the one right to device registers; a new reference */
struct file *file_open(const char *path, int *err);

void process_destroy(struct object *o);
void guest_destroy_object(struct object *o);
