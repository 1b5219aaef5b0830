/* SPDX-License-Identifier: MIT */
/* The kinds of objects, and what each does when its last reference goes. */
#pragma once

#include <quire/handle.h>

struct memobj;

struct memory_object { /* <quire/memory.h> */
    struct object object;
    struct memobj *memobj;
};

void object_destroy(struct object *o);
struct object *console_object(void); /* the one console; a new reference */
struct object *devices_object(void); /* the one right to device registers; a new reference */

void process_destroy(struct object *o);
void guest_destroy_object(struct object *o);
