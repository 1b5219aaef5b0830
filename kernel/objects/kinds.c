/* SPDX-License-Identifier: MIT */
/*
 * The small kinds of objects: the console, device registers; and what destroys an object of each kind. See
 * <quire/object.h>.
 */
#include <quire/object.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/mm_event.h>
#include <quire/process.h>
#include <quire/slab.h>
#include <quire/upcalls.h>

static struct object console = {.refs = 1, .type = OBJECT_CONSOLE};
static struct object devices = {.refs = 1, .type = OBJECT_DEVICES};

struct object *console_object(void)
{
    object_get(&console);
    return &console;
}

struct object *devices_object(void)
{
    object_get(&devices);
    return &devices;
}

void object_destroy(struct object *o)
{
    switch (o->type) {
    case OBJECT_MEMORY:
        memobj_put(((struct memory_object *)o)->memobj);
        object_free(o);
        return;
    case OBJECT_ENDPOINT:
    case OBJECT_REPLY:
    case OBJECT_NOTIFICATION:
        ipc_destroy(o);
        return;
    case OBJECT_PROCESS:
        process_destroy(o);
        return;
    case OBJECT_GUEST:
        guest_destroy_object(o);
        return;
    case OBJECT_EVENTS:
        events_want(false);
        object_free(o);
        return;
    case OBJECT_CONSOLE:
    case OBJECT_DEVICES:
    case OBJECT_INTERRUPT:
    case OBJECT_NONE:
        panic("an object of type %u has lost its last reference", o->type);
    }
}
