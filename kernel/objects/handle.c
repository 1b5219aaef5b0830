/* SPDX-License-Identifier: MIT */
/*
 * Handle tables: see <quire/handle.h>. Under table->lock no other lock is taken, no object is destroyed, and at most
 * HANDLE_CHUNK slots or bits in 65 words are looked at.
 */
#include <quire/handle.h>
#include <quire/errno.h>
#include <quire/log.h>
#include <quire/quota.h>
#include <quire/slab.h>
#include <quire/upcalls.h>
#include <uapi/quire/ipc.h>

#define CHUNK_BYTES (HANDLE_CHUNK * sizeof(struct handle))

/* --- slots ------------------------------------------------------------------------------------- */
/* Reserves the lowest free slot of the chunks that exist. Returns its number; -1: there is none. */
static int find_free(struct handle_table *t)
{
    u32 slots = HANDLES_FIRST + t->nr_chunks * HANDLE_CHUNK;

    for (u32 word = 0; word * 64 < slots; word++)
        if (~t->used[word]) {
            u32 n = word * 64 + (u32)__builtin_ctzl(~t->used[word]);
            if (n >= slots)
                return -1;
            t->used[word] |= 1UL << n % 64;
            return (int)n;
        }
    return -1;
}

/* One more chunk. False: no memory, or the account is full. */
static bool grow(struct handle_table *t)
{
    struct handle *chunk = quota_kmalloc(t->quota, CHUNK_BYTES);

    if (chunk) {
        spin_lock(&t->lock);
        if (t->nr_chunks < HANDLE_CHUNKS) {
            t->chunk[t->nr_chunks] = chunk;
            t->nr_chunks++;
            chunk = NULL;
        }
        spin_unlock(&t->lock);
        if (!chunk)
            return true;
    }
    quota_kfree(t->quota, chunk, CHUNK_BYTES);
    return false;
}

int handle_reserve(struct handle_table *t)
{
    for (;;) {
        spin_lock(&t->lock);
        int number = find_free(t);
        bool full = t->nr_chunks == HANDLE_CHUNKS;
        spin_unlock(&t->lock);
        if (number >= 0)
            return number;
        if (full)
            return -EMFILE;
        if (!grow(t))
            return -ENOMEM;
    }
}

/* Takes over the handle, which is counted already: object_opened(). */
static void fill(struct handle_table *t, int number, struct handle filled)
{
    spin_lock(&t->lock);
    struct handle *h = handle_slot(t, (u64)number);
    KASSERT(h && !h->object && t->used[number / 64] >> number % 64 & 1, "handle %d isn't reserved", number);
    *h = filled;
    h->calls = filled.object->type == OBJECT_ENDPOINT && filled.rights & RIGHT_CALL;
    h->receives = filled.object->type == OBJECT_ENDPOINT && filled.rights & RIGHT_RECEIVE;
    t->end = MAX(t->end, (u32)number + 1);
    spin_unlock(&t->lock);
}

void handle_fill(struct handle_table *t, int number, struct object *o, u32 rights, u64 badge)
{
    object_opened(o, rights);
    fill(t, number, (struct handle){.object = o, .badge = badge, .rights = rights});
}

static void empty(struct handle_table *t, u32 number, struct handle *h)
{
    *h = (struct handle){.object = NULL};
    t->used[number / 64] &= ~(1UL << number % 64);
}

void handle_unreserve(struct handle_table *t, int number)
{
    spin_lock(&t->lock);
    empty(t, (u32)number, handle_slot(t, (u64)number));
    spin_unlock(&t->lock);
}

int handle_install(struct handle_table *t, struct object *o, u32 rights)
{
    int number = handle_reserve(t);

    if (number < 0)
        object_put(o);
    else
        handle_fill(t, number, o, rights, 0);
    return number;
}

void handle_install_at(struct handle_table *t, unsigned number, struct object *o, u32 rights)
{
    t->used[0] |= 1UL << number;
    handle_fill(t, (int)number, o, rights, 0);
}

/* --- looking up -------------------------------------------------------------------------------- */
/* Under t->lock. 0; -EBADF, -EACCES. */
static int find(struct handle_table *t, long number, enum object_type type, u32 rights, struct handle *found)
{
    const struct handle *h = handle_slot(t, (u64)number);

    if (!h || !h->object || (type != OBJECT_NONE && h->object->type != type))
        return -EBADF;
    if ((h->rights & rights) != rights)
        return -EACCES;
    *found = *h;
    object_get(h->object);
    return 0;
}

bool handle_look(struct handle_table *t, long number, enum object_type type, u32 rights, struct handle *found, int *err)
{
    spin_lock(&t->lock);
    *err = find(t, number, type, rights, found);
    spin_unlock(&t->lock);
    return !*err;
}

int handle_copy(struct handle_table *t, long number, u32 rights, u32 keep, struct handle *copy)
{
    spin_lock(&t->lock);
    int err = find(t, number, OBJECT_NONE, rights, copy);
    if (!err) {
        copy->rights &= keep;
        object_opened(copy->object, copy->rights); /* before somebody closes the handle that is copied */
    }
    spin_unlock(&t->lock);
    return err;
}

struct object *handle_get(struct handle_table *t, long number, enum object_type type, u32 rights, int *err)
{
    struct handle found;
    return handle_look(t, number, type, rights, &found, err) ? found.object : NULL;
}

int handle_duplicate(struct handle_table *t, long number, u32 rights, u64 badge)
{
    struct handle h;
    int err = handle_copy(t, number, rights, rights, &h);

    if (err)
        return err;
    int copy = badge && h.badge && badge != h.badge ? -EINVAL : handle_reserve(t);
    h.badge = h.badge ? h.badge : badge;
    if (copy < 0)
        handle_drop(h);
    else
        fill(t, copy, h);
    return copy;
}

/* --- closing ----------------------------------------------------------------------------------- */
/* Takes the handle with this number out of the table. Its object is NULL if there is none. */
static struct handle take_out(struct handle_table *t, long number)
{
    struct handle taken = {.object = NULL};

    spin_lock(&t->lock);
    struct handle *h = handle_slot(t, (u64)number);
    if (h && h->object) {
        taken = *h;
        empty(t, (u32)number, h);
    }
    spin_unlock(&t->lock);
    return taken;
}

bool handle_drop(struct handle h)
{
    if (!h.object)
        return false;
    object_closed(h.object, h.rights);
    object_put(h.object);
    return true;
}

int handle_close(struct handle_table *t, long number) { return handle_drop(take_out(t, number)) ? 0 : -EBADF; }

void handle_close_all(struct handle_table *t)
{
    for (u32 i = 0; i < t->end; i++)
        if (handle_slot(t, i)->object)
            handle_close(t, i);
    while (t->nr_chunks)
        quota_kfree(t->quota, t->chunk[--t->nr_chunks], CHUNK_BYTES);
    t->end = 0;
}

/* --- copying ----------------------------------------------------------------------------------- */
/* Copies the slots [first, end), at most HANDLE_CHUNK of them. Nobody else has `to`. */
static void copy_some(struct handle_table *to, struct handle_table *from, u32 first, u32 end)
{
    spin_lock(&from->lock);
    for (u32 n = first; n < end; n++) {
        const struct handle *h = handle_slot(from, n);
        if (!h->object || (h->rights & (RIGHT_TRANSFER | RIGHT_OWN)) != RIGHT_TRANSFER)
            continue;
        *handle_slot(to, n) = *h;
        to->used[n / 64] |= 1UL << n % 64;
        to->end = n + 1;
        object_get(h->object);
        object_opened(h->object, h->rights);
    }
    spin_unlock(&from->lock);
}

int handle_copy_all(struct handle_table *to, struct handle_table *from, unsigned n)
{
    u32 end = MIN(n, READ_ONCE(from->end));

    copy_some(to, from, 0, MIN(end, (u32)HANDLES_FIRST));
    for (u32 first = HANDLES_FIRST; first < end; first += HANDLE_CHUNK) {
        if (!grow(to))
            return -ENOMEM;
        copy_some(to, from, first, MIN(end, first + HANDLE_CHUNK));
    }
    return 0;
}
