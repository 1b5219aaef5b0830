/* SPDX-License-Identifier: MIT */
/* POSIX threads: their life, their own values, and what is done only once. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include "lock.h"
#include "thread_block.h"

#define DESTROY_ROUNDS 4 /* a destructor may set values again */

/* All of it is changed under keys_lock. */
static void (*destroyers[THREAD_KEYS])(void *); /* NULL: none */
static unsigned generations[THREAD_KEYS];       /* odd: the key is used; each key of this number has its own */
static int keys_lock;

void __lock_keys(void) { lock(&keys_lock); }
void __unlock_keys(int in_child) { unlock_after_fork(&keys_lock, in_child); }

/* --- values ---------------------------------------------------------------------------------------- */
/* The generation of the key that is used under this number; 0: none is. */
static unsigned generation_of(pthread_key_t key)
{
    unsigned generation = key < THREAD_KEYS ? __atomic_load_n(&generations[key], __ATOMIC_RELAXED) : 0;

    return generation % 2 ? generation : 0;
}

int pthread_key_create(pthread_key_t *key, void (*destroy)(void *))
{
    int err = EAGAIN;

    lock(&keys_lock);
    for (pthread_key_t i = 0; err && i < THREAD_KEYS; i++)
        if (!generation_of(i)) {
            destroyers[i] = destroy;
            __atomic_add_fetch(&generations[i], 1, __ATOMIC_RELAXED);
            *key = i;
            err = 0;
        }
    unlock(&keys_lock);
    return err;
}

/* Threads may still have values: they are of an old generation then. */
int pthread_key_delete(pthread_key_t key)
{
    int err = EINVAL;

    lock(&keys_lock);
    if (generation_of(key)) {
        __atomic_add_fetch(&generations[key], 1, __ATOMIC_RELAXED);
        err = 0;
    }
    unlock(&keys_lock);
    return err;
}

void *pthread_getspecific(pthread_key_t key)
{
    unsigned generation = generation_of(key);
    struct thread_block *self = __thread_self();

    return generation && self->values[key].generation == generation ? (void *)self->values[key].value : NULL;
}

int pthread_setspecific(pthread_key_t key, const void *value)
{
    unsigned generation = generation_of(key);
    struct thread_block *self = __thread_self();

    if (!generation)
        return EINVAL;
    self->values[key].value = value;
    self->values[key].generation = generation;
    return 0;
}

static void destroy_values(struct thread_block *self)
{
    int found = 1;

    for (int round = 0; found && round < DESTROY_ROUNDS; round++) {
        found = 0;
        for (pthread_key_t i = 0; i < THREAD_KEYS; i++) {
            if (!self->values[i].value)
                continue;
            lock(&keys_lock);
            void *value = pthread_getspecific(i);
            void (*destroy)(void *) = destroyers[i];
            unlock(&keys_lock);
            self->values[i].value = NULL;
            if (!value || !destroy)
                continue;
            destroy(value);
            found = 1;
        }
    }
}

/* --- life ------------------------------------------------------------------------------------------ */
static void begin(struct thread_block *self) { pthread_exit(self->start(self->argument)); }

int pthread_create(pthread_t *t, const pthread_attr_t *attr, void *(*start)(void *), void *argument)
{
    struct thread_block first = {.begin = begin, .start = start, .argument = argument};
    int saved = errno;

    first.state = attr && attr->detached ? THREAD_DETACHED : THREAD_RUNS;
    *t = __thread_new(attr ? attr->stack_bytes : THREAD_STACK_BYTES, &first);
    errno = saved;
    return *t ? 0 : EAGAIN;
}

void pthread_exit(void *result)
{
    struct thread_block *self = __thread_self();

    destroy_values(self);
    self->result = result;
    __thread_leave();
}

int pthread_join(pthread_t t, void **result)
{
    if (t == __thread_self())
        return EDEADLK;
    if (__thread_await(t) == THREAD_DETACHED)
        return EINVAL;
    if (result)
        *result = t->result;
    __thread_free(t);
    return 0;
}

int pthread_detach(pthread_t t)
{
    int state = THREAD_RUNS;

    if (__atomic_compare_exchange_n(&t->state, &state, THREAD_DETACHED, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return 0;
    if (state != THREAD_ENDED)
        return EINVAL;
    __thread_free(t);
    return 0;
}

pthread_t pthread_self(void) { return __thread_self(); }
int pthread_equal(pthread_t a, pthread_t b) { return a == b; }

/* --- attributes ------------------------------------------------------------------------------------ */
int pthread_attr_init(pthread_attr_t *attr)
{
    *attr = (pthread_attr_t){THREAD_STACK_BYTES, PTHREAD_CREATE_JOINABLE};
    return 0;
}
int pthread_attr_destroy(pthread_attr_t *attr) { return (void)attr, 0; }

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t bytes)
{
    if (bytes < PTHREAD_STACK_MIN || bytes > THREAD_SLOT_BYTES - THREAD_STACK_BYTES)
        return EINVAL;
    attr->stack_bytes = (bytes + 4095) & ~4095ul;
    return 0;
}
int pthread_attr_getstacksize(const pthread_attr_t *attr, size_t *bytes) { return *bytes = attr->stack_bytes, 0; }

int pthread_attr_setdetachstate(pthread_attr_t *attr, int state)
{
    if (state != PTHREAD_CREATE_JOINABLE && state != PTHREAD_CREATE_DETACHED)
        return EINVAL;
    attr->detached = state;
    return 0;
}
int pthread_attr_getdetachstate(const pthread_attr_t *attr, int *state) { return *state = attr->detached, 0; }

/* --- once ------------------------------------------------------------------------------------------ */
enum { ONCE_NEVER, ONCE_RUNS, ONCE_AWAITED, ONCE_DONE };

/* Until the state isn't this any more: ONCE_RUNS or ONCE_AWAITED. */
static void await_once(pthread_once_t *once, int state)
{
    if (state == ONCE_AWAITED || __atomic_compare_exchange_n(&once->state, &state, ONCE_AWAITED, 0, __ATOMIC_RELAXED,
                                                             __ATOMIC_RELAXED))
        futex_wait(&once->state, ONCE_AWAITED);
}

int pthread_once(pthread_once_t *once, void (*function)(void))
{
    int state = ONCE_NEVER;

    if (__atomic_compare_exchange_n(&once->state, &state, ONCE_RUNS, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
        function();
        if (__atomic_exchange_n(&once->state, ONCE_DONE, __ATOMIC_RELEASE) == ONCE_AWAITED)
            futex_wake(&once->state, FUTEX_ALL);
    }
    while ((state = __atomic_load_n(&once->state, __ATOMIC_ACQUIRE)) != ONCE_DONE)
        await_once(once, state);
    return 0;
}
