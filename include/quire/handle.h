/* SPDX-License-Identifier: MIT */
/*
 * Objects and handles. A program names an object of the kernel by a handle only: a small number in its process's table.
 * A handle is an object, rights, and a badge. POSIX's file descriptors are handles; the object's type decides how they
 * read and write.
 *
 * The badge is a number that whoever duplicates a handle to an endpoint or a notification chooses, and that the
 * receiver sees. So a server knows which of its clients speaks. A badge that isn't 0 can't be changed any more.
 *
 * Only the threads of a process use its table, and whoever makes or ends the process. So a process that has always had
 * one thread needs no lock to look into it: `shared` says that it has had more.
 *
 * The table grows by chunks of HANDLE_CHUNK handles, which are charged to the process's account. A slot is *free*,
 * *reserved* (somebody is going to fill it) or *filled*. Whoever must not fail later reserves a slot first.
 */
#pragma once

#include <quire/log.h>
#include <quire/spinlock.h>
#include <quire/types.h>

enum object_type {
    OBJECT_NONE,
    OBJECT_CONSOLE,
    OBJECT_PROCESS,
    OBJECT_MEMORY,
    OBJECT_GUEST,
    OBJECT_ENDPOINT,
    OBJECT_REPLY,   /* the duty to answer a call, taken out of the thread that received it */
    OBJECT_NOTIFICATION,
    OBJECT_DEVICES,   /* the right to make memory objects of device registers, and to open interrupts */
    OBJECT_INTERRUPT, /* a source of interrupts: kernel/ipc/interrupt.c */
    OBJECT_EVENTS,    /* the right to read the events: look/sys_events.c */
};

struct quota;

struct object {
    u32 refs;
    enum object_type type;
    u32 bytes;           /* that object_alloc() has charged; 0: the object is from elsewhere */
    struct quota *quota; /* the account that pays for them; NULL: none */
};

#define HANDLES_FIRST 16  /* that need no chunk */
#define HANDLE_CHUNK 128
#define HANDLE_CHUNKS 32
#define HANDLES_MAX (HANDLES_FIRST + HANDLE_CHUNK * HANDLE_CHUNKS)

struct handle {
    struct object *object; /* NULL: free or reserved */
    u64 badge;
    u32 rights; /* RIGHT_*, <uapi/quire/ipc.h> */
    bool calls, receives; /* it is to an endpoint, with RIGHT_CALL or RIGHT_RECEIVE: for kernel/ipc/fast.c */
    u64 unused;           /* so that a number becomes a slot by a shift */
};
_Static_assert(sizeof(struct handle) == 32, "a power of two");

struct handle_table {
    spinlock_t lock;
    bool shared;   /* set before the second thread starts, and never cleared */
    u32 end;       /* no slot at or above this is filled; changes under the lock */
    u32 nr_chunks; /* that exist: the first ones */
    u64 used[DIV_ROUND_UP(HANDLES_MAX, 64)]; /* a bit for each slot: reserved or filled */
    struct quota *quota; /* pays for chunks; the process holds a reference to it. NULL: nobody */
    struct handle first[HANDLES_FIRST];
    struct handle *chunk[HANDLE_CHUNKS]; /* never taken away before the table's end */
};

/*
 * A zeroed object of this size with one reference, charged to the account of the current process. A pointer to the
 * whole, which begins with its struct object; NULL: no memory, or the account is full.
 */
void *object_alloc(enum object_type type, u32 bytes);
void object_free(struct object *o); /* made by object_alloc(); nobody has a reference */
void object_init(struct object *o, enum object_type type); /* one that is allocated in another way */
void object_get(struct object *o);
bool object_try_get(struct object *o); /* false: the count is 0 already */
void object_put(struct object *o); /* the last one destroys it, by type. NULL is fine */

/* The slot with this number; NULL: there is none. t->lock is held, or nobody else has the table. */
static inline struct handle *handle_slot(struct handle_table *t, u64 number)
{
    if (likely(number < HANDLES_FIRST)) {
        struct handle *first = t->first;
        OPAQUE(first); /* the compiler shall add once, not for each member */
        ASSUME(&first[number], "a table of handles at address 0");
        return &first[number];
    }
    u64 at = number - HANDLES_FIRST;
    struct handle *chunk = at < HANDLE_CHUNK * HANDLE_CHUNKS ? t->chunk[at / HANDLE_CHUNK] : NULL;
    return chunk ? &chunk[at % HANDLE_CHUNK] : NULL;
}

/*
 * Reserves the lowest free slot. -EMFILE: HANDLES_MAX are used; -ENOMEM: no memory for a chunk, or the account is full.
 * Takes t->lock. The caller then fills the slot, which can't fail, or gives it back.
 */
int handle_reserve(struct handle_table *t);
void handle_fill(struct handle_table *t, int number, struct object *o, u32 rights,
                 u64 badge); /* takes over a reference */
void handle_unreserve(struct handle_table *t, int number);
/*
 * Fills the slot with this number, one of the first, which is free. Nobody else uses the table. Takes over a reference.
 */
void handle_install_at(struct handle_table *t, unsigned number, struct object *o, u32 rights);
/* Both in one: -EMFILE, -ENOMEM. Takes over the caller's reference to o in every case. */
int handle_install(struct handle_table *t, struct object *o, u32 rights);

/* The object with a reference. NULL: *err is -EBADF (no such handle, or another type) or -EACCES (rights). */
struct object *handle_get(struct handle_table *t, long number, enum object_type type, u32 rights, int *err);
/* The same, and all that the handle says: found->object is the result. False: *err. */
bool handle_look(struct handle_table *t, long number, enum object_type type, u32 rights, struct handle *found,
                 int *err);
/*
 * The short way for a call of the process whose table this is: without a reference. While the process has one thread,
 * the handle stays in the table until the call ends, so the object lives. NULL: ask handle_get().
 */
static inline struct object *handle_borrow(struct handle_table *t, u64 number, enum object_type type, u32 rights)
{
    const struct handle *h = likely(!t->shared) ? handle_slot(t, number) : NULL;
    bool good = h && h->object && h->object->type == type && !(rights & ~h->rights);

    return good ? h->object : NULL;
}
/*
 * One more handle to the same object, in no table: with those of the rights that are in `keep`. It counts like one in a
 * table, so an endpoint isn't closed meanwhile. The caller fills a slot with it, or drops it. -EBADF; -EACCES: the
 * handle doesn't have all of `rights`.
 */
int handle_copy(struct handle_table *t, long number, u32 rights, u32 keep, struct handle *copy);
bool handle_drop(struct handle h); /* one that is in no table any more; false: it has no object */
/*
 * One more handle to the same object, with these of its rights, and with this badge if it has none yet. Returns its
 * number; -EBADF, -EACCES (a right that the handle doesn't have), -EINVAL (the handle has another badge), -EMFILE,
 * -ENOMEM.
 */
int handle_duplicate(struct handle_table *t, long number, u32 rights, u64 badge);
int handle_close(struct handle_table *t, long number); /* -EBADF */
void handle_close_all(struct handle_table *t); /* nobody else uses the table; its chunks are freed, too */
/*
 * Copies those of the first n handles of `from` that may be transferred and don't own their object (RIGHT_TRANSFER, no
 * RIGHT_OWN) to the same numbers of `to`, which is empty. -ENOMEM: some may be copied.
 */
int handle_copy_all(struct handle_table *to, struct handle_table *from, unsigned n);
